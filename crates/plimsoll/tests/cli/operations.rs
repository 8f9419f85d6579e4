//! A center as people work it: `plimsoll serve` runs, and everything else is typed.
use crate::{
    bench::{Bench, PATIENCE, finish, run},
    center::Running,
    images::{NEW, OLD, debian},
};
use serde_json::Value;
use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use testkit::{
    harbor::Harbor,
    http,
    image::image,
    real,
    registry::{What, basic},
    tar::tar,
};

/// Takes what [`Center::secrets`] gives.
const SET_UP: &str = "center set-up --name admin --token-from - --password-from -";

/// Nobody is there yet, and the keys are a file.
const FRESH: &[(&str, &str)] = &[("PLIMSOLL_ADMIN_PASSWORD", ""), ("PLIMSOLL_KEYS", "")];

/// A fresh center, which ends with this, and a place from which it is asked.
struct Center {
    bench: Bench,
    process: Running,
    address: String,
}

/// What came of a line.
struct Typed {
    code: i32,
    out: String,
    err: String,
}

impl Center {
    fn start() -> Center {
        let bench = Bench::new();
        let arguments = ["serve", "--listen", "127.0.0.1:0"];
        let process = Running::start(&bench, "data", &arguments, FRESH);
        let address = process.says("started")["address"].as_str().unwrap().to_owned();
        Center { bench, process, address }
    }

    /// What makes the first administrator, as it was logged, and a password.
    fn secrets(&self) -> String {
        let line =
            self.process.says("there is nobody yet; make the first administrator with this token");
        format!("{}\ncorrect horse\n", line["setup_token"].as_str().unwrap())
    }

    /// One with an administrator, who is logged in.
    fn ready() -> Center {
        let center = Center::start();
        let made = center.told(SET_UP, &center.secrets());
        assert_eq!((made.code, made.err.as_str()), (0, ""));
        center
    }

    fn command(&self, line: &str) -> Command {
        let mut command = self.bench.command(words(line));
        command.env("PLIMSOLL_SERVER", &self.address);
        command
    }

    /// What comes of this line.
    fn typed(&self, line: &str) -> Typed {
        self.told(line, "")
    }

    fn told(&self, line: &str, input: &str) -> Typed {
        let mut child = self.command(line).stdin(Stdio::piped()).spawn().unwrap();
        // Who does not read it has no need of it.
        drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
        let run = finish(child);
        Typed { code: run.code, out: run.stdout, err: run.stderr }
    }

    /// What is shown, where all goes well.
    fn shown(&self, line: &str) -> String {
        let it = self.typed(line);
        assert_eq!((it.code, it.err.as_str()), (0, ""), "{line}: {}", it.out);
        it.out
    }

    /// The same as JSON.
    fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.shown(&format!("{line} --format json"))).unwrap()
    }

    /// Expects an exit code, and words in what is said of it.
    fn fails(&self, line: &str, code: i32, words: &str) {
        let it = self.typed(line);
        assert_eq!(it.code, code, "{line}: {}", it.err);
        assert!(it.err.contains(words), "{line}: {}", it.err);
    }

    /// Waits until a registry has been read.
    fn synchronised(&self, id: &str) {
        let start = Instant::now();
        while self.json(&format!("center read-registry {id}"))["synced_at"].is_null() {
            assert!(start.elapsed() < PATIENCE, "the registry is not read");
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// A line as a shell takes it apart, as far as is needed here.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    let words = parts.flat_map(|(i, part)| match i % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    words.collect()
}

#[test]
fn a_center_is_worked_from_the_first_login_to_the_audit_log() {
    if !real::installed(&["docker-registry"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let registry = real::Running::in_memory(folder.path(), &real::passwords(folder.path()));
    let (old, new) =
        (image("linux/amd64", &[tar(&debian(OLD))]), image("linux/amd64", &[tar(&debian(NEW))]));
    real::push(registry.host(), "shop/web", "1.0", &old, &basic("user", "hush"));
    real::push(registry.host(), "shop/web", "2.0", &new, &basic("user", "hush"));
    let center = Center::ready();
    assert!(center.shown("center read-session").contains("role: admin"));

    let there = format!("--kind oci --name local --address http://{}", registry.host());
    let wrong = center.told(
        &format!("center test-new-registry {there} --login-user user --login-password-from -"),
        "wrong",
    );
    assert_eq!((wrong.code, wrong.err.as_str()), (1, ""), "{}", wrong.out);
    assert!(
        wrong.out.contains("works: no\n") && wrong.out.contains("problems:\n"),
        "{}",
        wrong.out
    );
    center.bench.file("password", "hush\n");
    let made = center.shown(&format!(
        "center add-registry {there} --login-user user --login-password-from password"
    ));
    assert!(
        made.starts_with("id: 1\nkind: oci\nname: local\n") && !made.contains("hush"),
        "{made}"
    );
    assert!(center.shown("center test-registry 1").starts_with("works: yes\n"));
    center.synchronised("1");
    assert_eq!(center.json("center preview-scan")["images"], 2);

    let task = center.shown("center scan-now --places 'registry=1,repository=shop/*' --wait");
    assert!(task.contains("\nitems: total 2 done 2\n"), "{task}");
    let watched = center.shown("center watch-task 1");
    assert!(watched.starts_with("task  id 1, kind manual"), "{watched}");
    let images =
        center.shown("center list-images --sort level --columns digest,state,level,places");
    let rows: Vec<&str> = images.lines().collect();
    assert!(rows[0].starts_with("DIGEST ") && rows[0].ends_with("  PLACES"), "{images}");
    assert!(rows[1].contains(old.manifest.digest.as_str()), "{images}");
    assert!(
        rows[1].ends_with("local shop/web 1.0") && rows[2].ends_with("local shop/web 2.0"),
        "{images}"
    );
    let digest = old.manifest.digest.as_str();
    assert!(center.shown(&format!("center list-components {digest}")).contains("libssl3"));
    assert!(center.shown(&format!("center list-findings {digest}")).contains("CVE-2024-6119"));

    let first = center.json("center list-risks --limit 1");
    assert_eq!(first["items"].as_array().unwrap().len(), 1);
    let rest = format!("center list-risks --cursor {}", first["next"].as_str().unwrap());
    let (rest, all) = (center.json(&rest), center.json("center list-risks"));
    let count = |page: &Value| page["items"].as_array().unwrap().len();
    assert_eq!(count(&rest) + 1, count(&all));
    let some = center.typed("center list-risks --limit 1");
    assert!(some.err.starts_with("there are more: --cursor "), "{}", some.err);

    let risk = all["items"][0]["name"].as_str().unwrap();
    let exception =
        "--place everything --kind accepted --until 2099-01-01 --reason 'not reachable'";
    center.shown(&format!("center add-exception --risk {risk} {exception}"));
    assert_eq!(count(&center.json("center list-risks --state open")), count(&all) - 1);
    let rules = center.shown("center list-exceptions");
    assert!(rules.contains("not reachable") && rules.contains("2099-01-01 00:00:00Z"), "{rules}");

    assert!(
        center.shown("center export-images").starts_with("Repository,")
            || center.shown("center export-images").contains(digest)
    );
    center.shown("center export-risks --format xlsx --output risks.xlsx");
    assert!(fs::read(center.bench.path("risks.xlsx")).unwrap().starts_with(b"PK"));

    center.shown("center change-scan-settings --cycle-kind week --on-change");
    center.shown("center change-scan-settings --cycle-hours 36");
    let settings = center.json("center read-scan-settings");
    assert_eq!((&settings["cycle"]["hours"], &settings["on_change"]), (&36.into(), &true.into()));

    let audit = center.shown("center list-audit --columns person,action,object");
    let audit: Vec<&str> = audit.lines().rev().collect();
    let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let expected = [
        "admin setUp person/1",
        "admin addRegistry registry/1",
        "admin scanNow task/1",
        "admin addException exception/1",
    ];
    assert_eq!(audit.iter().take(4).map(|it| line(it)).collect::<Vec<_>>(), expected);
}

#[test]
fn who_is_logged_in_is_known_to_the_next_command_and_to_nobody_else() {
    let center = Center::start();
    center.fails(
        "center list-people",
        2,
        "log in, or send a token (unauthenticated): `plimsoll center log-in`",
    );
    let wrong = center
        .told("center set-up --name admin --token-from - --password-from -", "x\ncorrect horse\n");
    assert_eq!((wrong.code, wrong.out.as_str()), (2, ""));
    assert!(wrong.err.contains("the setup token is wrong"), "{}", wrong.err);
    assert_eq!(center.told(SET_UP, &center.secrets()).code, 0);
    let file = center.bench.path("home/.config/plimsoll/sessions.json");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    // The center is remembered with the session.
    let next = run(center.command("center read-session").env_remove("PLIMSOLL_SERVER"));
    assert_eq!((next.code, next.stdout.as_str()), (0, "person: 1\nname: admin\nrole: admin\n"));

    let made = center.json("center add-token --name ci --role viewer");
    let secret = made["secret"].as_str().unwrap();
    center.shown("center log-out");
    center.fails("center read-session", 2, "unauthenticated");
    let with = |name: &str, value: &str, line: &str| run(center.command(line).env(name, value));
    assert_eq!(with("PLIMSOLL_TOKEN", secret, "center read-session").code, 0);
    center.bench.file("token", secret);
    assert_eq!(with("PLIMSOLL_TOKEN_FILE", "token", "center list-images").code, 0);
    let run = with("PLIMSOLL_TOKEN", secret, "center list-people");
    run.fails("this takes the role admin (forbidden)");
    with("PLIMSOLL_TOKEN", "plm_hush", "center list-images")
        .fails("the session or token is not valid");

    let back = center.told("center log-in --name admin --password-from -", "wrong");
    assert_eq!(back.code, 2, "{}", back.err);
    assert_eq!(
        center.told("center log-in --name admin --password-from -", "correct horse").code,
        0
    );
    // The session that one goes on with is another one after that.
    let change = "center change-password --old-from - --new-from -";
    assert_eq!(center.told(change, "correct horse\nbattery staple\n").code, 0);
    center.shown("center list-people");
}

#[test]
fn a_person_is_asked_for_a_password_which_is_not_shown() {
    if !real::installed(&["script"]) {
        return;
    }
    let center = Center::ready();
    let line = format!("{} center log-in --name admin", env!("CARGO_BIN_EXE_plimsoll"));
    // It gives a terminal to what it runs.
    let mut terminal = Command::new("script");
    terminal.args(["-q", "-e", "-c", &line, "/dev/null"]).env_clear();
    terminal
        .env("PATH", "/usr/bin:/bin")
        .env("SHELL", "/bin/sh")
        .env("HOME", center.bench.path("home"));
    terminal.env("PLIMSOLL_SERVER", &center.address).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut terminal = terminal.spawn().unwrap();
    let (mut shown, mut byte) = (String::new(), [0]);
    let mut output = terminal.stdout.take().unwrap();
    while !shown.ends_with("password: ") {
        output.read_exact(&mut byte).unwrap();
        shown.push(char::from(byte[0]));
    }
    let mut input = terminal.stdin.take().unwrap();
    input.write_all(b"correct horse\n").unwrap();
    output.read_to_string(&mut shown).unwrap();
    assert!(shown.contains("role: admin") && !shown.contains("horse"), "{shown}");
    assert!(terminal.wait().unwrap().success());
}

#[test]
fn what_goes_wrong_is_one_line() {
    let center = Center::ready();
    center.fails("center read-image sha256:00", 2, "(not-found)");
    center.fails("center list-imags", 2, "unrecognized subcommand 'list-imags'");
    center.fails("center list-images --columns digest,colour", 0, "");
    center.fails(
        "center list-people --columns colour",
        2,
        "there is no column `colour`; there are ",
    );
    center.fails("center read-image", 2, "<DIGEST>");
    center.fails("center list-people --server 127.0.0.1:1", 2, "begins with http:// or https://");
    center.fails(
        "center list-people --server http://127.0.0.1:1 --tries 1",
        2,
        "cannot reach http://127.0.0.1:1",
    );
    center.fails("center list-people -o no/such/folder", 2, "no/such/folder: ");
    let stranger = http::Server::start(|_| http::Reply::new(404, "nothing"));
    let line = format!("center list-people --server http://{} --tries 1", stranger.host());
    center.fails(&line, 2, "status 404, and no center answers so");
    assert!(center.shown("center add-person --help").starts_with("Add a person\n"));
    assert!(center.shown("center check-life") == "ok\n");
    assert!(center.shown("center read-document").contains("3.1.1"));
}

#[test]
fn a_task_that_fails_is_a_no() {
    let registry = Harbor::start("v2.15.3");
    registry.project("team");
    let it = image("linux/amd64", &[tar(&debian(OLD))]);
    registry.put("team/app", "1", &it);
    let gone = What::Reply(http::Reply::new(404, ""));
    registry.fail(it.layers()[0].digest.as_str(), 100, gone);
    let center = Center::ready();
    let there = format!("--kind harbor --name here --address http://{}", registry.host());
    let login = "--login-user admin --login-password-from -";
    let made = center.told(&format!("center add-registry {there} {login}"), "hush");
    assert_eq!((made.code, made.err.as_str()), (0, ""));
    center.synchronised("1");
    center.fails("center scan-now --wait", 1, "`plimsoll center list-items 1` says why");
    let items = center.shown("center list-items 1 --state failed --columns state,code,reason");
    assert!(items.contains("failed"), "{items}");
}

#[test]
fn a_database_goes_to_a_file_while_it_is_used_and_comes_back() {
    let center = Center::ready();
    let typed = |line: &str| run(&mut center.command(line));
    let made = typed("backup center.backup --data-dir data");
    assert_eq!((made.code, made.stderr.as_str()), (0, ""));
    assert!(made.stdout.contains("keep data/keys too"), "{}", made.stdout);
    // What was done since is not in it.
    center.shown("center add-token --name late --role viewer");
    let restored = typed("restore center.backup --data-dir other");
    assert_eq!((restored.code, restored.stderr.as_str()), (0, ""));
    fs::copy(center.bench.path("data/keys"), center.bench.path("other/keys")).unwrap();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--data-dir", "other"];
    let second = Running::start(&center.bench, "other", &arguments, FRESH);
    let address = second.says("started")["address"].as_str().unwrap().to_owned();
    let line = format!("center log-in --name admin --password-from - --server {address}");
    assert_eq!(center.told(&line, "correct horse").code, 0);
    let tokens = |address: &str| center.json(&format!("center list-tokens --server {address}"));
    assert_eq!(tokens(&address)["items"].as_array().unwrap().len(), 0);
    assert_eq!(tokens(&center.address)["items"].as_array().unwrap().len(), 1);

    typed("restore center.backup --data-dir other").fails("--replace puts this in its place");
    typed("restore center.backup --data-dir other --replace").fails("in use");
    typed("backup again --data-dir nowhere").fails("there is no database at nowhere/center.db");
    assert!(!center.bench.path("nowhere").exists());
    typed("restore data/keys --data-dir third").fails("data/keys");
    typed("backup again --database-url postgres://x").fails("pg_dump");
}

#[test]
fn advisories_are_brought_in_from_where_there_is_internet() {
    let center = Center::ready();
    let record = crate::db::osv("DEBIAN-CVE-2099-0001", "openssl", "9:1");
    center.bench.file("in/osv/one.json", record.replace("2026-01-01", "2099-01-01"));
    for line in ["db import in", "db export out"] {
        let elsewhere = center.bench.path("elsewhere");
        let child = center.command(line).env("PLIMSOLL_DATA_DIR", elsewhere).spawn().unwrap();
        let run = finish(child);
        assert_eq!(run.code, 0, "{line}: {}", run.stderr);
    }
    let made = center.json("center import-advisories --file out");
    assert_eq!(made["changed_packages"], 1, "{made}");
    let start = Instant::now();
    while center.json("center read-advisories")["build"] != made["build"] {
        assert!(start.elapsed() < PATIENCE, "it is not in use");
        thread::sleep(Duration::from_millis(100));
    }
    center.fails("center import-advisories --file in/osv/one.json", 2, "not an advisory database");
}

#[test]
fn every_operation_of_the_api_is_a_subcommand() {
    let help = Bench::new().run(&["center", "--help"]);
    let document = server::document();
    let mut count = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, it) in methods.as_object().unwrap() {
            // These send a browser on to log in elsewhere.
            if it["responses"].get("303").is_some() {
                continue;
            }
            let name: String = it["operationId"]
                .as_str()
                .unwrap()
                .chars()
                .map(|it| {
                    if it.is_uppercase() {
                        format!("-{}", it.to_lowercase())
                    } else {
                        it.to_string()
                    }
                })
                .collect();
            assert!(help.stdout.contains(&format!("\n  {name} ")), "{method} {path} is not {name}");
            count += 1;
        }
    }
    assert!(count > 80, "{count}");
}

#[test]
fn shells_and_man_know_the_whole_program() {
    let bench = Bench::new();
    let typed = |line: &str| {
        let run = run(&mut bench.command(words(line)));
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{line}");
        run.stdout
    };
    for shell in ["bash", "zsh", "fish"] {
        let text = typed(&format!("completions {shell}"));
        assert!(text.contains("fail-on") && text.contains("list-images"), "{shell}");
    }
    let file = bench.file("all", typed("completions bash"));
    let sound = Command::new("bash").args(["-n", &file]).status().unwrap();
    assert!(sound.success());
    typed("man pages");
    for page in ["plimsoll.1", "plimsoll-scan.1", "plimsoll-center-add-registry.1"] {
        assert!(
            fs::read_to_string(bench.path("pages").join(page)).unwrap().starts_with(".ie"),
            "{page}"
        );
    }
}
