//! The pages on which the list of risks is worked: what each shows to whom, and that it stays small and text.
use crate::{
    images::fill,
    kit::{As, Running, ready},
    world::{digest, finding, inventory, located, registry, round, scan, seen},
};
use model::{Epss, Exploited, Finding, Level, Rating, Restart};
use serde_json::{Value, json};
use store::{deliveries, rematch, repositories};

const HOSTILE: &str = "<script>alert(1)</script>\"'&";

/// An administrator, where images are that were scanned with other advisories than those that tests have no file of.
fn shown(it: &Running) -> As {
    it.store.write(|tx| rematch::begin(tx, "")).unwrap();
    it.log_in("admin")
}

/// A page that has to be there.
fn page(it: &Running, who: &As, target: &str) -> String {
    let reply = it.ask(who, "GET", target, None);
    let text = String::from_utf8(reply.body).unwrap();
    assert_eq!(reply.status, 200, "{target}: {text}");
    text
}

fn check(page: &str, has: &[&str], lacks: &[&str]) {
    for it in has {
        assert!(page.contains(it), "{it} is missing in {page}");
    }
    for it in lacks {
        assert!(!page.contains(it), "{it} is in {page}");
    }
}

fn of(image: &str, rest: &str) -> String {
    format!("/images/{}{rest}", digest(image))
}

/// The first finding of an image.
fn worst(it: &Running, who: &As, image: &str) -> Value {
    let place = format!("/api/v1/images/{}/findings", digest(image));
    it.done(who, "GET", &place, None)[0].clone()
}

#[test]
fn each_role_sees_the_pages_and_is_offered_what_it_may_do() {
    let it = ready();
    fill(&it);
    let admin = shown(&it);
    let task = it.done(&admin, "POST", "/api/v1/tasks", Some(&json!({})));
    let pages = [
        "/".to_owned(),
        "/application".to_owned(),
        "/images".to_owned(),
        "/components?name=leftpad".to_owned(),
        of("a", ""),
        of("a", "/components"),
        of("a", "/layers"),
        of("a", "/fix-plan"),
        of("a", "/timeline"),
        of("a", &format!("/compare?with={}", digest("b"))),
        "/risks/CVE-2024-1".to_owned(),
        "/tasks".to_owned(),
        format!("/tasks/{}", task["id"]),
        "/settings/exceptions".to_owned(),
    ];
    let (operator, viewer) = (it.somebody(&admin, "operator"), it.somebody(&admin, "viewer"));
    for target in &pages {
        for who in [&admin, &operator, &viewer] {
            let page = page(&it, who, target);
            assert!(page.len() < 150_000, "{target}: {}", page.len());
            assert_eq!(page.matches("<h1>").count(), 1, "{target}");
        }
        // Who may only look is offered nothing that changes something.
        let page = page(&it, &viewer, target);
        let changes = page.matches("data-api=\"").count();
        assert_eq!(changes, 1, "{target}: more than logging out: {page}");
        check(&page, &[], &["data-file", "data-of=", "data-open="]);
    }
    for target in [of("a", ""), "/risks/CVE-2024-1".to_owned(), "/settings/exceptions".to_owned()] {
        check(&page(&it, &operator, &target), &["id=\"add-exception\""], &[]);
    }
    check(&page(&it, &operator, &pages[12]), &["id=\"cancel-task\""], &[]);
    check(&page(&it, &admin, "/settings/notifications"), &["id=\"channel-new\""], &[]);
    for who in [&operator, &viewer] {
        assert_eq!(it.ask(who, "GET", "/settings/notifications", None).status, 403);
        check(&page(&it, who, "/settings"), &[], &["/settings/notifications"]);
    }
}

#[test]
fn what_is_asked_for_stays_in_the_links() {
    let it = ready();
    fill(&it);
    let more = finding(1, "CVE-2024-3", Level::Low);
    let parts = inventory(vec![located("libc6", "2.36-9", 0), located("npm:leftpad", "1.9.0", 1)]);
    scan(&it.store, "b", &parts, &[finding(1, "CVE-2024-2", Level::Low), more], 3000);
    let admin = shown(&it);
    let risks = page(&it, &admin, "/application?limit=1&level=low&text=CVE&fixable=true");
    check(
        &risks,
        &[
            "CVE-2024-3",
            "href=\"?limit=1&#38;level=low&#38;text=CVE&#38;fixable=true&#38;cursor=",
            "/api/v1/risks/export?limit=1&#38;level=low&#38;text=CVE&#38;fixable=true&#38;category=application&#38;format=csv",
            "format=xlsx",
        ],
        &["CVE-2024-2<"],
    );
    let next = risks.split("href=\"?limit").nth(1).unwrap().split('"').next().unwrap();
    let next = format!("/application?limit{}", next.replace("&#38;", "&"));
    check(&page(&it, &admin, &next), &["CVE-2024-2</a>"], &["CVE-2024-3</a>"]);
    let images = "/images?limit=1&sort=name&registry=1&coverage=known&state=scanned&level=low";
    check(
        &page(&it, &admin, images),
        &[
            "&#38;sort=name&#38;registry=1&#38;coverage=known&#38;state=scanned&#38;level=low&#38;format=csv",
            "value=\"name\" selected",
            "value=\"known\" selected",
            "value=\"scanned\" selected",
        ],
        &[],
    );
    // What a browser without the script sends is understood too.
    for target in [
        "/?text=&level=&state=open".to_owned(),
        "/images?text=&level=&state=&coverage=&registry=&sort=level&risk=&component=&below="
            .to_owned(),
        of("a", "?category=system&text=&level=&state=handled"),
        "/tasks?kind=&ended=".to_owned(),
        of("a", "/compare?with="),
    ] {
        page(&it, &admin, &target);
    }
    assert_eq!(it.ask(&admin, "GET", &of("a", "?state=none"), None).status, 422);
}

#[test]
fn a_finding_is_explained_handled_and_opened_again() {
    let it = ready();
    fill(&it);
    let admin = shown(&it);
    let worst = worst(&it, &admin, "a");
    let why = format!("/risks/CVE-2024-1?component={}&image={}", worst["component"], digest("a"));
    let open = page(&it, &admin, &of("a", ""));
    check(
        &open,
        &["CVE-2024-1", "data-risk=\"CVE-2024-1\" data-package=\"libc6\"", "=home / team/a:latest"],
        &[],
    );
    check(&open, &[&format!("href=\"{}\"", why.replace('&', "&amp;"))], &[]);
    check(
        &page(&it, &admin, &why),
        &[
            "1 &#60; 9.9 (dpkg)",
            "var/lib/dpkg/status",
            "Layer 0",
            "apt-get install -y --only-upgrade libc6=9.9",
            "what CVE-2024-1 is about",
        ],
        &[],
    );
    let rule = json!({"risk": "CVE-2024-1", "package": "libc6", "place": {"repositories": [repository(&it, "team/a")]},
        "kind": "accepted", "reason": "behind the firewall", "until": "2030-01-01T00:00:00Z"});
    let rule = it.done(&admin, "POST", "/api/v1/exceptions", Some(&rule));
    check(
        &page(&it, &admin, &of("a", "?category=system")),
        &["Nothing is open in this image", "?category=system&#38;state=handled\">1 handled"],
        &["data-package=\"libc6\""],
    );
    let handled =
        [of("a", "?category=system&state=handled"), of("a", "?category=system&state=any")];
    for target in &handled {
        check(
            &page(&it, &admin, target),
            &[
                "Accept the risk",
                "behind the firewall (admin, ",
                &format!("data-id=\"{}\"", rule["id"]),
            ],
            &[],
        );
    }
    check(
        &page(&it, &admin, "/settings/exceptions"),
        &["repository =home / team/a", "behind the firewall", "2030-01-01"],
        &[],
    );
    check(&page(&it, &admin, "/?state=handled"), &["CVE-2024-1"], &[]);
    it.done(&admin, "DELETE", &format!("/api/v1/exceptions/{}", rule["id"]), None);
    check(&page(&it, &admin, &of("a", "")), &["data-package=\"libc6\""], &[]);
    check(&page(&it, &admin, "/settings/exceptions"), &[], &["behind the firewall"]);
    check(&page(&it, &admin, "/settings/exceptions?ended=true"), &["behind the firewall"], &[]);
}

fn repository(it: &Running, name: &str) -> i64 {
    it.store.read(|tx| repositories::named(tx, 1, name)).unwrap().unwrap()
}

#[test]
fn images_are_compared_and_components_found() {
    let it = ready();
    fill(&it);
    let admin = shown(&it);
    let compare = |part: &str| {
        page(&it, &admin, &of("a", &format!("/compare?with={}&part={part}", digest("b"))))
    };
    check(&compare("lost"), &["CVE-2024-1"], &[]);
    check(&compare("changed"), &["libc6", "2.36-9", "2.36-10"], &["leftpad"]);
    check(&compare("gained"), &["Nothing here"], &[]);
    let none = page(&it, &admin, &of("a", "/compare?with=sha256:x"));
    check(&none, &["There is no image of that digest here", "value=\"sha256:x\""], &[]);
    let found = page(&it, &admin, "/components?name=libc6&below=2.36-10");
    check(&found, &["team/a", "<code>2.36-9</code>"], &["2.36-10</code>"]);
    check(
        &page(&it, &admin, "/components?name=left"),
        &["name=leftpad&amp;ecosystem=npm"],
        &["team/a"],
    );
    let parts = page(&it, &admin, &of("a", "/components?text=LEFT"));
    check(&parts, &["leftpad", "text=leftpad\">1</a>"], &["libc6"]);
}

#[test]
fn pages_stay_small_however_much_there_is() {
    let it = ready();
    let home = registry(&it.store, "home");
    let tags: Vec<String> = (0..600).map(|it| format!("build-{it}-{}", "x".repeat(100))).collect();
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    round(&it.store, home, &[(&"long/".repeat(40), vec![seen("a", &tags)])], 10);
    let name = |n| format!("package-{n}-{}", "y".repeat(150));
    let parts = (0..1200).map(|n| located(&name(n), "1.0-1", 0)).collect();
    let findings: Vec<_> = (0..1200)
        .map(|n| Finding {
            title: "t".repeat(400),
            ..finding(n, &format!("CVE-2024-{n}"), Level::High)
        })
        .collect();
    scan(&it.store, "a", &inventory(parts), &findings, 1000);
    let admin = shown(&it);
    let pages = [
        "/".to_owned(),
        "/images".to_owned(),
        of("a", ""),
        of("a", "?page=24"),
        of("a", "?page=25"),
        of("a", "?page=0"),
        of("a", "/components?page=2"),
        of("a", "/timeline"),
        of("a", "/fix-plan"),
        "/components?name=package".to_owned(),
        "/risks/CVE-2024-1".to_owned(),
    ];
    for target in &pages {
        let page = page(&it, &admin, target);
        assert!(page.len() < 150_000, "{target}: {}", page.len());
    }
    check(&page(&it, &admin, &pages[2]), &["1–50 / 1200", "href=\"?page=2\""], &["?page=0"]);
    check(&page(&it, &admin, &pages[3]), &["1151–1200 / 1200", "href=\"?page=23\""], &["?page=25"]);
    let filtered = page(&it, &admin, &of("a", "?category=system&text=CVE-2024-11&page=2"));
    check(&filtered, &["/ 111", "?category=system&#38;text=CVE-2024-11&#38;page=1"], &[]);
}

#[test]
fn channels_and_what_they_were_told_are_shown_without_secrets() {
    let it = ready();
    let admin = it.log_in("admin");
    let channel = json!({"name": HOSTILE, "kind": "slack", "url": "https://hooks.example/services/hush", "events": ["scan-failed"]});
    let channel = it.done(&admin, "POST", "/api/v1/channels", Some(&channel));
    let id = channel["id"].as_i64().unwrap();
    let message = json!({"title": HOSTILE, "text": "", "data": {}}).to_string();
    it.store.write(|tx| deliveries::add(tx, &[id], "scan-failed", &message, 5)).unwrap();
    let page = page(&it, &admin, "/settings/notifications");
    check(
        &page,
        &[
            "https://hooks.example",
            "failed scans",
            &format!("data-api=\"PUT /api/v1/channels/{id}\""),
            &format!("data-test=\"POST /api/v1/channels/{id}/test\""),
            "value=\"scan-failed\" checked",
            "data-of=\"DELETE /api/v1/channels/{id}\"",
            "1970-01-01",
        ],
        &["hush", "<script>alert", "value=\"quota-nearly-used\" checked"],
    );
    let target = format!("/settings/notifications?channel={id}&state=delivered");
    check(
        &self::page(&it, &admin, &target),
        &["Nothing was sent", "value=\"delivered\" selected"],
        &[],
    );
}

#[test]
fn what_others_named_is_text_wherever_it_is_shown() {
    let it = ready();
    let home = registry(&it.store, HOSTILE);
    round(&it.store, home, &[(HOSTILE, vec![seen("a", &[HOSTILE]), seen("b", &["1"])])], 10);
    let hostile = |at| Finding {
        title: HOSTILE.to_owned(),
        references: vec!["javascript:alert(1)".to_owned()],
        ..finding(at, HOSTILE, Level::High)
    };
    let parts = || inventory(vec![located(HOSTILE, HOSTILE, 0)]);
    scan(&it.store, "a", &parts(), &[hostile(0)], 1000);
    scan(&it.store, "b", &inventory(Vec::new()), &[], 1000);
    let admin = shown(&it);
    let rule = json!({"risk": HOSTILE, "package": HOSTILE, "path": HOSTILE, "place": {"tags": [[1, HOSTILE]]}, "kind": "accepted", "reason": HOSTILE});
    it.done(&admin, "POST", "/api/v1/exceptions", Some(&rule));
    let name = net::encode(HOSTILE);
    for target in [
        format!("/?text={name}"),
        format!("/images?text={name}&component={name}&risk={name}"),
        format!("/components?name={name}&below={name}"),
        of("a", &format!("?text={name}&state=any")),
        of("a", &format!("/components?text={name}")),
        of("a", "/fix-plan"),
        of("a", "/timeline"),
        of("b", &format!("/compare?with={}&part=came", digest("a"))),
        of("b", &format!("/compare?with={}", digest("a"))),
        format!("/risks/{name}"),
        "/settings/exceptions".to_owned(),
    ] {
        let page = page(&it, &admin, &target);
        check(&page, &["&#60;script&#62;alert"], &["<script>alert", "href=\"javascript:"]);
    }
}

#[test]
fn tasks_say_what_failed_and_what_to_do() {
    let it = ready();
    fill(&it);
    let admin = shown(&it);
    let task = it.done(&admin, "POST", "/api/v1/tasks", Some(&json!({})));
    let one = format!("/tasks/{}", task["id"]);
    check(&page(&it, &admin, "/tasks?kind=manual&ended=false"), &[&format!("href=\"{one}\"")], &[]);
    check(
        &page(&it, &admin, "/tasks?kind=cycle"),
        &["Nothing here", "value=\"cycle\" selected"],
        &[],
    );
    let failed = page(&it, &admin, &format!("{one}?state=failed&text=x"));
    check(&failed, &["value=\"failed\" selected", "id=\"cancel-task\"", "value=\"x\""], &[]);
}

#[test]
fn what_presses_is_marked_and_asked_for() {
    let it = ready();
    let home = registry(&it.store, "home");
    round(&it.store, home, &[("team/a", vec![seen("a", &["1"])])], 10);
    let vector = |value: &str| Rating {
        level: Level::High,
        by: "nvd".to_owned(),
        score: Some(7.5),
        value: value.to_owned(),
    };
    let found = [
        Finding {
            ratings: vec![vector("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H")],
            ..finding(0, "CVE-2024-1", Level::High)
        },
        Finding {
            exploits: vec!["https://example.com/how".to_owned()],
            ratings: vec![vector("CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H")],
            ..finding(0, "CVE-2024-2", Level::High)
        },
        Finding { restart: Some(Restart::Containers), ..finding(0, "CVE-2024-3", Level::High) },
        Finding { restart: Some(Restart::Machines), ..finding(1, "CVE-2024-4", Level::High) },
    ];
    let parts = vec![located("libc6", "1", 0), located("linux-image-1", "1", 0)];
    scan(&it.store, "a", &inventory(parts), &found, 1000);
    let admin = shown(&it);
    let asked = |mark: &str, expected: &[&str]| {
        let list = it.done(&admin, "GET", &format!("/api/v1/risks?{mark}=true"), None);
        let rows = list["items"].as_array().unwrap();
        let mut names: Vec<&str> = rows.iter().map(|it| it["name"].as_str().unwrap()).collect();
        names.sort_unstable();
        assert_eq!(names, expected, "{mark}");
        assert!(rows.iter().all(|it| it[mark] == true), "{list}");
        let page = page(&it, &admin, &format!("/?{mark}=true"));
        let rows = page.matches("<a class=\"row\"").count();
        assert_eq!(rows, expected.len(), "{mark}: {page}");
        check(&page, &[&format!("name=\"{mark}\" value=\"true\" checked")], &[]);
    };
    asked("remote", &["CVE-2024-1"]);
    asked("exploit_public", &["CVE-2024-2"]);
    asked("restart", &["CVE-2024-3", "CVE-2024-4"]);
    let every = ["Remote</span>", "Exploit public</span>", "Restart needed</span>"];
    check(&page(&it, &admin, "/"), &every, &[">Exploited</span>"]);
    check(&page(&it, &admin, &of("a", "")), &every, &[]);
    let mut reader = it.log_in("admin");
    reader.0.push(("accept-language", "zh-CN".to_owned()));
    check(
        &page(&it, &reader, "/"),
        &["可远程利用</span>", "存在 EXP</span>", "需重启</span>"],
        &every,
    );
    // The page of each says why, and that nobody knows is not the same as no.
    let page = |name: &str| page(&it, &admin, &format!("/risks/{name}"));
    let unknown = "nobody says whether it can be attacked over the network";
    check(&page("CVE-2024-1"), &["Attack vector: over the network", "AV:N"], &[unknown]);
    let shown = "<a href=\"https://example.com/how\"";
    check(&page("CVE-2024-2"), &["Attack vector: from the machine itself", shown], &[unknown]);
    check(&page("CVE-2024-3"), &[unknown, "replace every running container"], &["It is a kernel"]);
    check(&page("CVE-2024-4"), &[unknown, "It is a kernel"], &["replace every running"]);
}

#[test]
fn all_that_is_known_of_a_risk_is_on_its_page() {
    let it = ready();
    let home = registry(&it.store, "home");
    round(&it.store, home, &[("team/a", vec![seen("a", &["1"])])], 10);
    let rating = Rating {
        level: Level::Critical,
        by: "nvd".to_owned(),
        score: Some(9.8),
        value: "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:H/I:H/A:H".to_owned(),
    };
    let day = |text: &str| Some(text.parse().unwrap());
    let whole = Finding {
        aliases: vec!["GHSA-1".to_owned()],
        errata: vec!["DSA-1".to_owned()],
        cwes: vec!["CWE-79".to_owned()],
        references: vec!["https://example.com/1".to_owned(), "ftp://example.com/2".to_owned()],
        severity: rating.clone(),
        ratings: vec![rating],
        exploited: Some(Exploited {
            added: day("2024-01-02"),
            due: day("2024-01-23"),
            ransomware: true,
        }),
        epss: Some(Epss { day: day("2024-05-06"), score: 0.875, percentile: 0.99 }),
        ..finding(0, "CVE-2024-1", Level::Critical)
    };
    let inventory = inventory(vec![located("libc6", "1", 0), located("libc6-dev", "1", 0)]);
    let other = Finding { component: 1, ..whole.clone() };
    scan(&it.store, "a", &inventory, &[whole, other], 1000);
    let admin = shown(&it);
    let page = page(&it, &admin, "/risks/CVE-2024-1");
    check(
        &page,
        &[
            "9.8 critical",
            "over the network, easy, without a login, somebody has to take part, beyond the component",
            "known exploited since 2024-01-02",
            "to be fixed by 2024-01-23",
            "used by ransomware",
            "EPSS 87.5 %",
            "more than 99.0 %",
            "href=\"https://example.com/1\"",
            "<li>ftp://example.com/2</li>",
            "GHSA-1",
            "DSA-1",
            "CWE-79",
            "aria-current=\"true\">libc6",
        ],
        &[],
    );
    let components = it.done(&admin, "GET", "/api/v1/risks/CVE-2024-1/components", None);
    for it_is in components["items"].as_array().unwrap() {
        let (id, name) = (&it_is["component"], it_is["name"].as_str().unwrap());
        let explained = self::page(&it, &admin, &format!("/risks/CVE-2024-1?component={id}"));
        let command = format!("--only-upgrade {name}=9.9<");
        let current = format!("?component={id}\" aria-current=\"true\">{name} 1</a>");
        check(&explained, &[&command, &current], &[]);
    }
    let none = self::page(&it, &admin, "/risks/CVE-2024-1?component=99");
    check(&none, &["No component has it any more"], &["only-upgrade"]);
}
