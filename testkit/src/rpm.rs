//! Headers of RPM (package file format, "The Header Structure") and databases of them.

/// Types of entries.
pub const INT16: u32 = 3;
/// Numbers of 32 bits.
pub const INT32: u32 = 4;
/// One string.
pub const STRING: u32 = 6;
/// Bytes.
pub const BINARY: u32 = 7;
/// Several strings.
pub const STRINGS: u32 = 8;
/// Tag, type, count and content.
pub type Entry<'a> = (u32, u32, u32, &'a [u8]);

/// A header with the given entries: tag, type, count, content.
pub fn header(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut store = Vec::new();
    let mut index = Vec::new();
    for (tag, kind, count, content) in entries {
        let offset = u32::try_from(store.len()).unwrap();
        index.extend([*tag, *kind, offset, *count].map(u32::to_be_bytes).concat());
        store.extend_from_slice(content);
    }
    let lens = [entries.len(), store.len()].map(|it| u32::try_from(it).unwrap().to_be_bytes());
    [lens.concat(), index, store].concat()
}

/// A database of rpm's own kind with these blobs.
pub fn ndb(blobs: &[Vec<u8>]) -> Vec<u8> {
    let le = |it: usize| u32::try_from(it).unwrap().to_le_bytes();
    let mut file = [&b"RpmP"[..], &le(0), &le(1), &le(1), &le(9), &[0; 12]].concat();
    let mut content = Vec::new();
    for (number, blob) in (1..).zip(blobs) {
        let mut body = [b"BlbS", &le(number), &le(1), &le(blob.len()), &blob[..]].concat();
        body.resize((body.len() + 12).next_multiple_of(16) - 12, 0);
        body.extend([&le(0)[..], &le(blob.len()), b"BlbE"].concat());
        let start = 256 + content.len() / 16;
        file.extend([b"Slot", &le(number)[..], &le(start), &le(body.len() / 16)].concat());
        content.extend(body);
    }
    while file.len() < 4096 {
        file.extend(b"Slot\0\0\0\0\0\0\0\0\0\0\0\0");
    }
    [file, content].concat()
}

/// A header as the file of a package has it: all of it is a region.
pub fn region(entries: &[Entry<'_>]) -> Vec<u8> {
    let length: usize = entries.iter().map(|it| it.3.len()).sum();
    let back = i32::try_from(entries.len() + 1).unwrap() * -16;
    let end = [63_u32.to_be_bytes(), 7_u32.to_be_bytes(), back.to_be_bytes(), 16_u32.to_be_bytes()];
    // Its own entry is the first, though what it leads to is the last.
    let body = header(&[entries, &[(63, BINARY, 16, end.as_flattened())]].concat());
    let (lengths, rest) = body.split_at(8);
    let (index, store) = rest.split_at((entries.len() + 1) * 16);
    let (others, own) = index.split_at(index.len() - 16);
    assert_eq!(own[8..12], u32::try_from(length).unwrap().to_be_bytes());
    [lengths, own, others, store].concat()
}

/// The same with entries behind the region, as a database has it.
pub fn with(region: &[u8], more: &[Entry<'_>]) -> Vec<u8> {
    let count = |at: usize| u32::from_be_bytes(region[at..at + 4].try_into().unwrap());
    let entries = usize::try_from(count(0)).unwrap();
    let (index, store) = region[8..].split_at(entries * 16);
    let added = header(more);
    let (new_index, new_store) = added[8..].split_at(more.len() * 16);
    let mut moved = new_index.to_vec();
    for entry in moved.chunks_exact_mut(16) {
        let at = u32::from_be_bytes(entry[8..12].try_into().unwrap()) + count(4);
        entry[8..12].copy_from_slice(&at.to_be_bytes());
    }
    let number = |it: usize| u32::try_from(it).unwrap().to_be_bytes();
    let lengths = [number(entries + more.len()), number(store.len() + new_store.len())].concat();
    [&lengths, index, &moved, store, new_store].concat()
}

/// What is signed of a region: with what stands in front of it in the file of a package.
pub fn signed(region: &[u8]) -> Vec<u8> {
    [&[0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0], region].concat()
}
