//! How fast archives are read.
use super::{Budget, Go, visit};
use std::{fs, process::Command, time::Duration};

/// Prints what it takes to read programs and sources of this machine, packed in several ways, against the tools that unpack
/// it: seconds of a processor, the best of three.
#[test]
#[ignore = "a measurement, for --release"]
fn how_fast_archives_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let run = |script: &str| {
        let mut command = Command::new("sh");
        let script = format!("{script}; times");
        let output = command.args(["-euc", &script]).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{script}");
        seconds(str::from_utf8(&output.stdout).unwrap().lines().next_back().unwrap())
    };
    run(
        "mkdir in; cp -rL /usr/bin /usr/share/perl in/ 2>/dev/null || true; find in -size +30M -delete",
    );
    for (name, pack, unpack) in [
        ("zip", "cd in; zip -qr - . > ../f", "unzip -p f"),
        ("zip of small members", "cd in/perl; zip -qr - . > ../../f", "unzip -p f"),
        ("tar.gz", "tar -C in -czf f .", "tar -xOzf f"),
        ("tar.xz", "tar -C in -c . | xz -2 > f", "tar -xOJf f"),
        ("tar.zst", "tar -C in -c . | zstd -q > f", "tar -xO --zstd -f f"),
        ("tar.bz2", "tar -C in -c . | bzip2 > f", "tar -xOjf f"),
        ("7z", "cd in; 7zz a -mx=3 ../f.7z . > ../log; mv ../f.7z ../f", "7zz x -so f"),
    ] {
        run(pack);
        let bytes = fs::read(folder.path().join("f")).unwrap();
        let mut best = [f64::MAX; 3];
        let (mut members, mut size) = (0, 0);
        for _ in 0..3 {
            (members, size) = (0, 0);
            let read = on_processor(&mut || {
                visit("f", &bytes, &mut Budget::default(), &mut |member| {
                    size += member.content()?.bytes.len();
                    members += 1;
                    Ok(Go::Inside)
                });
            });
            let passed = on_processor(&mut || {
                visit("f", &bytes, &mut Budget::default(), &mut |_| Ok(Go::Past));
            });
            let all = [run(&format!("{unpack} > log")), read, passed];
            best.iter_mut().zip(all).for_each(|(best, it)| *best = best.min(it));
        }
        let [theirs, read, passed] = best;
        println!(
            "{name}: {members} members, {} of {} MB: read {read:.2} s, passed {passed:.2}, `{unpack}` {theirs:.2}, ratio {:.2}",
            bytes.len() >> 20,
            size >> 20,
            read / theirs
        );
    }
}

/// What `times` says of children.
fn seconds(line: &str) -> f64 {
    let parts = line.split_whitespace().map(|it| {
        let (minutes, seconds) = it.trim_end_matches('s').split_once('m').unwrap();
        minutes.parse::<f64>().unwrap() * 60.0 + seconds.parse::<f64>().unwrap()
    });
    parts.sum()
}

/// How many seconds of a processor this thread needs for `work`.
fn on_processor(work: &mut dyn FnMut()) -> f64 {
    let spent = || -> u64 {
        let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        text.split(' ').next().unwrap().parse().unwrap()
    };
    let before = spent();
    work();
    Duration::from_nanos(spent() - before).as_secs_f64()
}
