//! The console's pages: who sees them, and that nothing in them is taken for markup.
use crate::{
    kit::{As, PASSWORD, Running, cookie, header, ready},
    world::{digest, finding, inventory, located, registry, round, scan, seen},
};
use model::Level;
use scan::center::Role;
use serde_json::json;
use testkit::{
    harbor::Harbor,
    http::{Reply, ask},
    image::image,
    tar::{dir, file, tar},
};

fn page(it: &Running, who: &As, target: &str, more: &[(&str, &str)]) -> Reply {
    it.ask_with(who, "GET", target, None, more)
}

fn text(reply: &Reply) -> String {
    String::from_utf8(reply.body.clone()).unwrap()
}

#[test]
fn pages_are_for_those_who_are_logged_in() {
    let it = ready();
    let nobody = As::default();
    for target in ["/", "/images", "/tasks?limit=3", "/settings", "/risks/CVE-2024-1"] {
        let reply = page(&it, &nobody, target, &[]);
        assert_eq!(reply.status, 303, "{target}");
        let to = header(&reply, "location").unwrap();
        assert!(to.starts_with("/login?target=%2F"), "{to}");
    }
    let login = page(&it, &nobody, "/login?target=//evil.example", &[]);
    assert!(text(&login).contains("name=\"target\" value=\"/\"") && login.status == 200);
    let policy = header(&login, "content-security-policy").unwrap();
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    let admin = it.log_in("admin");
    for target in
        ["/", "/application", "/registries", "/images", "/tasks", "/settings", "/settings/audit"]
    {
        let reply = page(&it, &admin, target, &[]);
        assert_eq!(reply.status, 200, "{target}: {}", text(&reply));
        let page = text(&reply);
        assert!(page.contains("aria-current=\"page\"") && page.len() < 150_000, "{target}");
    }
    for (target, status) in
        [("/risks/CVE-1", 404), ("/images/sha256:x", 404), ("/images?limit=0", 422)]
    {
        let reply = page(&it, &admin, target, &[]);
        assert_eq!(reply.status, status, "{target}");
        assert!(text(&reply).starts_with("<!doctype html>"), "{target}");
    }
    // Who may only look is offered nothing else.
    let viewer = it.somebody(&admin, "viewer");
    let home = text(&page(&it, &viewer, "/registries", &[]));
    assert!(!home.contains("scan-now") && !home.contains("add-registry"), "{home}");
}

#[test]
fn people_come_in_by_a_form_that_needs_no_script() {
    let it = ready();
    let form = "application/x-www-form-urlencoded";
    let send = |target: &str, content: &str, more: &[(&str, &str)]| {
        let headers = [&[("content-type", form)], more].concat();
        ask(&it.host, "POST", target, &headers, content.as_bytes()).unwrap()
    };
    let login =
        format!("name=admin&password={}&target=%2Fimages%3Fcve%3Da", PASSWORD.replace(' ', "+"));
    let came = send("/login", &login, &[]);
    assert_eq!((came.status, header(&came, "location")), (303, Some("/images?cve=a")));
    let inside = As(vec![("cookie", cookie(&came))]);
    assert_eq!(page(&it, &inside, "/images", &[]).status, 200);
    let away = send("/login", &login.replace("%2Fimages", "%2F%2Fevil.example"), &[]);
    assert_eq!(header(&away, "location"), Some("/"));
    // Another site's form logs nobody in: neither as its own user nor as ours.
    for more in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        let reply = send("/login", &login, &[more]);
        assert_eq!((reply.status, header(&reply, "set-cookie")), (403, None), "{more:?}");
    }
    let check = |target, content, language, status, words: &str| {
        let reply = send(target, content, &[("accept-language", language)]);
        assert_eq!((reply.status, header(&reply, "set-cookie")), (status, None), "{content}");
        let page = text(&reply);
        assert!(page.contains(words) && page.starts_with("<!doctype html>"), "{words}: {page}");
        assert!(!page.contains("hush"), "{page}");
    };
    let wrong = "name=%3Cb%3E&password=hush";
    check("/login", wrong, "en", 401, "The name or the password is wrong.");
    check("/login", wrong, "zh", 401, "用户名或密码错误。");
    check("/login", wrong, "en", 401, "value=\"&#60;b&#62;\"");
    check("/setup", "token=hush&name=a&password=hush-hush-hush", "en", 403, "setup token is wrong");
    check("/login", "name=a", "en", 422, "missing field");
    let json = [("content-type", "application/json")];
    assert_eq!(ask(&it.host, "POST", "/login", &json, b"{}").unwrap().status, 415);
}

#[test]
fn language_and_theme_are_the_browsers_or_the_chosen_ones() {
    let it = ready();
    let admin = it.log_in("admin");
    let home = |more: &[(&str, &str)]| text(&page(&it, &admin, "/", more));
    assert!(home(&[]).contains("<html lang=\"en\""));
    assert!(home(&[("accept-language", "fr, zh-CN;q=0.8, en;q=0.5")]).contains("镜像安全"));
    let chosen = ask(&it.host, "GET", "/language?to=zh-CN&back=/images?text=a", &[], b"").unwrap();
    assert_eq!((chosen.status, header(&chosen, "location")), (303, Some("/images?text=a")));
    let both_of = |who: &As, reply: &Reply| {
        As(vec![("cookie", format!("{}; {}", who.0[0].1, cookie(reply)))])
    };
    let by_cookie = both_of(&admin, &chosen);
    assert!(text(&page(&it, &by_cookie, "/", &[("accept-language", "en")])).contains("镜像安全"));
    let away = ask(&it.host, "GET", "/language?to=en&back=//evil.example", &[], b"").unwrap();
    assert_eq!(header(&away, "location"), Some("/"));
    // What failed, too; and whoever types an address sees a page.
    let wrong = page(&it, &both_of(&admin, &chosen), "/api/v1/images/x", &[]);
    assert!(
        text(&wrong).contains("\"title\":\"不存在\"") && text(&wrong).contains("没有这样的镜像")
    );
    assert_eq!(header(&wrong, "content-language"), Some("zh-CN"));
    let typed = [("accept", "text/html,*/*"), ("accept-language", "zh")];
    let nowhere = page(&it, &As::default(), "/nowhere", &typed);
    assert!(nowhere.status == 404 && text(&nowhere).contains("页面不存在"), "{}", text(&nowhere));
    assert!(!text(&page(&it, &As::default(), "/nowhere", &[])).contains("<html"));
    // So with the theme.
    assert!(home(&[]).contains("data-theme=\"auto\""));
    let chosen = ask(&it.host, "GET", "/theme?to=dark&back=/images", &[], b"").unwrap();
    assert_eq!((chosen.status, header(&chosen, "location")), (303, Some("/images")));
    let dark = both_of(&admin, &chosen);
    assert!(text(&page(&it, &dark, "/", &[])).contains("data-theme=\"dark\""));
}

#[test]
fn what_others_named_is_text() {
    let it = ready();
    let harbor = Harbor::start("v2.15.3");
    harbor.project("team");
    let image = image("linux/amd64", &[tar(&[dir("srv"), file("srv/a", "a")])]);
    harbor.put("team/app", "v1", &image);
    let admin = it.log_in("admin");
    it.center.run(Role::All).unwrap();
    let name = "<script>alert(1)</script>\"'&";
    let login = json!({"kind": "password", "user": "admin", "password": "hush"});
    let given = json!({"kind": "harbor", "name": name, "address": harbor.host(), "login": login});
    it.done(&admin, "POST", "/api/v1/registries", Some(&given));
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let images = || it.done(&admin, "GET", "/api/v1/images", None)["items"].clone();
    while images().as_array().unwrap().is_empty() {
        assert!(std::time::Instant::now() < end, "no image in time");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let exception =
        json!({"risk": name, "place": "everything", "kind": "accepted", "reason": name});
    it.done(&admin, "POST", "/api/v1/exceptions", Some(&exception));
    let digest = image.manifest.digest.to_string();
    let search = "/images?text=%3Cscript%3Ealert(1)%3C/script%3E%22";
    let of_image = format!("/images/{digest}");
    for target in ["/registries", "/settings/exceptions", search, of_image.as_str()] {
        let page = text(&page(&it, &admin, target, &[]));
        assert!(!page.contains("<script>alert"), "{target}: {page}");
    }
    assert!(text(&page(&it, &admin, "/registries", &[])).contains("&#60;script&#62;alert"));
    for part in ["", "/components", "/layers", "/fix-plan", "/timeline"] {
        let reply = page(&it, &admin, &format!("{of_image}{part}"), &[]);
        assert_eq!(reply.status, 200, "{part}: {}", text(&reply));
    }
    it.center.stop();
}

#[test]
fn the_first_page_leads_to_what_is_to_be_done_first() {
    let it = ready();
    let admin = it.log_in("admin");
    let viewer = it.somebody(&admin, "viewer");
    let check = |who: &As, has: &[&str], lacks: &[&str]| {
        let page = text(&page(&it, who, "/", &[]));
        has.iter().for_each(|it| assert!(page.contains(it), "it lacks {it}: {page}"));
        lacks.iter().for_each(|it| assert!(!page.contains(it), "it has {it}: {page}"));
    };
    let pictures = "class=\"picture course\"";
    let (connect, add) = ("Connect your first registry", "id=\"add-registry\"");
    check(&admin, &[connect, add, "plimsoll serve --demo", "Only the starter set"], &[pictures]);
    check(&viewer, &[connect, "An administrator has to add one"], &[add]);
    let home = registry(&it.store, "home");
    check(&admin, &["The registries are being read"], &[connect, add, pictures]);
    round(&it.store, home, &[("a", vec![seen("a", &["1"])])], 10);
    let nothing = "Nothing has been scanned yet";
    check(&admin, &[nothing, "1 images were found"], &[pictures, "Search"]);
    it.done(&admin, "POST", "/api/v1/tasks", Some(&json!({})));
    check(&admin, &["The first scan is running", "href=\"/tasks\""], &[nothing, pictures]);
    let build = it.center.advisories().unwrap().build().to_owned();
    let found = [finding(0, "CVE-2024-1", Level::Critical)];
    scan(&it.store, "a", &inventory(vec![located("libc6", "1", 0)]), &found, 1000);
    // The advisories that the scan spoke of are nowhere.
    it.store.write(|tx| store::rematch::begin(tx, &build)).unwrap();
    check(&viewer, &[pictures, "high 1", "Search"], &["The first scan is running"]);
    let layers = text(&page(&it, &viewer, &format!("/images/{}/layers", digest("a")), &[]));
    assert!(
        layers.contains("class=\"picture stack\"") && layers.contains("most is open in 0"),
        "{layers}"
    );
}
