//! The child that reads layers: what it may do, and what becomes of it when it dies.
use crate::{OLD, Place, debian, ids};
use serde_json::Value;
use std::{
    fs,
    io::Write,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use testkit::tar::{file, tar};

/// The process that inspects a layer for `parent`, once there is one.
fn child_of(parent: &Child) -> Option<u32> {
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        for task in
            fs::read_dir(format!("/proc/{}/task", parent.id())).into_iter().flatten().flatten()
        {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            if let Some(child) = children.split_whitespace().next() {
                return child.parse().ok();
            }
        }
        thread::sleep(Duration::from_millis(5));
    }
    None
}

/// A scan of an archive whose layer does not end until told to, and its child.
fn scanning(place: &Place) -> (Child, u32, Vec<u8>) {
    let layer = tar(&[debian(OLD), vec![file("srv/x", vec![b'x'; 4 << 20])]].concat());
    let digest = testkit::image::sha256(&layer);
    let config = format!(
        r#"{{"os":"linux","architecture":"amd64","rootfs":{{"type":"layers","diff_ids":["{digest}"]}}}}"#
    );
    let manifest = r#"[{"Config":"c.json","RepoTags":["app:1"],"Layers":["l/layer.tar"]}]"#;
    let archive =
        tar(&[file("l/layer.tar", layer), file("c.json", config), file("manifest.json", manifest)]);
    let mut parent = place
        .command(["scan", "--format", "json", "--stall-timeout", "1", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (first, rest) = archive.split_at(2 << 20);
    parent.stdin.as_mut().unwrap().write_all(first).unwrap();
    let child = child_of(&parent).expect("a child that inspects the layer");
    // Until it has put up its walls.
    thread::sleep(Duration::from_millis(300));
    (parent, child, rest.to_vec())
}

fn finish(mut parent: Child, rest: &[u8]) -> Value {
    parent.stdin.take().unwrap().write_all(rest).unwrap();
    let output = parent.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["images"][0].clone()
}

#[test]
fn the_child_has_nothing_but_its_pipes() {
    let place = Place::new();
    let (parent, child, rest) = scanning(&place);
    let status = fs::read_to_string(format!("/proc/{child}/status")).unwrap();
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    assert!(status.contains("Seccomp:\t2"), "{status}");
    let environment = fs::read(format!("/proc/{child}/environ")).unwrap();
    let environment = String::from_utf8_lossy(&environment).into_owned();
    assert!(environment.starts_with("PLIMSOLL_INSPECT="), "{environment}");
    assert_eq!(environment.trim_end_matches('\0').matches('\0').count(), 0, "{environment}");
    let files = fs::read_dir(format!("/proc/{child}/fd")).unwrap();
    let files: Vec<String> =
        files.map(|it| fs::read_link(it.unwrap().path()).unwrap().display().to_string()).collect();
    let foreign =
        |it: &&String| !it.starts_with("pipe:") && *it != "/dev/null" && !it.ends_with("(deleted)");
    assert_eq!(files.iter().filter(foreign).count(), 0, "{files:?}");
    let limits = fs::read_to_string(format!("/proc/{child}/limits")).unwrap();
    assert!(!limits.lines().any(|it| it.starts_with("Max data size") && it.contains("unlimited")));
    let report = finish(parent, &rest);
    assert!(!ids(&report).is_empty());
    assert_eq!(report["missing_walls"], serde_json::json!([]), "this kernel lacks a wall");
}

#[test]
fn a_child_that_dies_is_a_gap() {
    let place = Place::new();
    let (parent, child, rest) = scanning(&place);
    assert!(Command::new("kill").args(["-9", &child.to_string()]).status().unwrap().success());
    let report = finish(parent, &rest);
    assert!(ids(&report).is_empty());
    let reason = report["gaps"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("signal: 9"), "{reason}");
    assert_eq!(report["coverage"]["grade"], "unknown");
}

#[test]
fn a_child_that_hangs_is_a_gap() {
    let place = Place::new();
    let (parent, child, rest) = scanning(&place);
    // A stopped process makes no progress, whatever it is given.
    assert!(Command::new("kill").args(["-STOP", &child.to_string()]).status().unwrap().success());
    let report = finish(parent, &rest);
    let reason = report["gaps"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("no progress for 1 seconds"), "{reason}");
    assert!(!std::path::Path::new(&format!("/proc/{child}")).exists(), "it was left behind");
}

#[test]
fn memory_does_not_grow_with_the_image() {
    let place = Place::new();
    let many: Vec<_> = (0..100_000).map(|it| file(&format!("srv/{}/{it}", it % 100), "")).collect();
    place.write("app.tar", {
        let layer = tar(&many);
        let digest = testkit::image::sha256(&layer);
        let config = format!(
            r#"{{"os":"linux","architecture":"amd64","rootfs":{{"type":"layers","diff_ids":["{digest}"]}}}}"#
        );
        let manifest = r#"[{"Config":"c.json","RepoTags":["app:1"],"Layers":["l/layer.tar"]}]"#;
        tar(&[file("l/layer.tar", layer), file("c.json", config), file("manifest.json", manifest)])
    });
    let mut parent = place.command(["scan", "app.tar"]).stdout(Stdio::null()).spawn().unwrap();
    let child = child_of(&parent).unwrap();
    let peak = |process: u32| -> u64 {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"));
        line.and_then(|it| it.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    };
    let (mut own, mut childs) = (0, 0);
    while parent.try_wait().unwrap().is_none() {
        own = peak(parent.id()).max(own);
        childs = peak(child).max(childs);
        thread::sleep(Duration::from_millis(5));
    }
    assert!(own + childs < 256 << 10, "{own} and {childs} KiB");
    assert!(own > 0);
}
