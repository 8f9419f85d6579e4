//! Any bytes, as an archive of the kind that the first byte chooses, or of what they say. The budget holds, whatever it is.
#![no_main]
use inspect::{
    File,
    archive::{Budget, Go, open},
};
use libfuzzer_sys::fuzz_target;
use model::ImagePath;

const HEADS: &[&[u8]] = &[
    b"",
    b"PK\x03\x04",
    b"\x1f\x8b\x08\0\0\0\0\0\0\0",
    b"BZh91AY&SY",
    b"\xfd7zXZ\0",
    b"\x28\xb5\x2f\xfd",
    b"\x5d\0\0\x80\0",
    b"070701",
    b"070707",
    b"\xc7\x71",
    b"!<arch>\n",
    b"\xed\xab\xee\xdb",
];

fuzz_target!(|bytes: &[u8]| {
    let Some((row, bytes)) = bytes.split_first() else { return };
    let bytes = [HEADS[usize::from(*row) % HEADS.len()], bytes].concat();
    let path = ImagePath::parse(b"case.jar").expect("a plain path");
    let limits =
        Budget { members: 1000, bytes: 8 << 20, member_bytes: 64 << 10, ..Budget::default() };
    let (mut budget, mut shown) = (limits.clone(), 0);
    let read = row & 128 != 0;
    open(&File::new(&path, &bytes), &mut budget, &mut |member| {
        shown += 1;
        if read {
            let content = member.content()?;
            assert!(content.bytes.len() <= 64 << 10);
        }
        Ok(Go::Inside)
    })
    .expect("memory can be read");
    assert!(shown <= limits.members - budget.members);
});
