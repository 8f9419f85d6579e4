//! Images, risks and findings as the API shows them, and as files.
use crate::{
    kit::{As, Running, header, on_each},
    world::{digest, finding, inventory, located, registry, repository, round, scan, seen},
};
use model::Level;
use serde_json::{Value, json};
use std::{io::Read, sync::atomic::Ordering};
use testkit::http::Reply;

/// Two images in a registry: `a` with bad things in it and a name that is a formula, `b` with less.
pub(crate) fn fill(it: &Running) -> As {
    let store = &it.store;
    let home = registry(store, "=home");
    let all = [("team/a", vec![seen("a", &["1", "latest"])]), ("b", vec![seen("b", &["1"])])];
    round(store, home, &all, 10);
    let components = |version| {
        inventory(vec![located("libc6", version, 0), located("npm:leftpad", "1.10.0", 1)])
    };
    let bad = [finding(0, "CVE-2024-1", Level::Critical), finding(1, "CVE-2024-2", Level::Low)];
    scan(store, "a", &components("2.36-9"), &bad, 1000);
    scan(store, "b", &components("2.36-10"), &[finding(1, "CVE-2024-2", Level::Low)], 2000);
    it.log_in("admin")
}

fn names(it: &Running, who: &As, target: &str) -> Vec<String> {
    let list = it.done(who, "GET", target, None);
    let rows = list["items"].as_array().unwrap();
    rows.iter().map(|it| it["places"][0]["repository_name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn images_are_found_by_what_is_known_of_them() {
    on_each(|it| {
        let who = fill(it);
        let check = |query: &str, expected: &[&str]| {
            assert_eq!(names(it, &who, &format!("/api/v1/images?{query}")), expected, "{query}");
        };
        check("", &["team/a", "b"]);
        check("sort=name", &["b", "team/a"]);
        check("sort=scanned", &["b", "team/a"]);
        check("level=high", &["team/a"]);
        check("level=high,low", &["team/a", "b"]);
        check("state=new,failed", &[]);
        check("coverage=known", &["team/a", "b"]);
        check("category=system", &["team/a"]);
        check("text=TEAM", &["team/a"]);
        check("tag=latest", &["team/a"]);
        check("risk=CVE-2024-1", &["team/a"]);
        check("component=libc6", &["team/a", "b"]);
        // By the order of the ecosystem: 10 comes after 9.
        check("component=libc6&below=2.36-10", &["team/a"]);
        check("component=libc6&ecosystem=deb&below=2.36-11", &["team/a", "b"]);
        check("component=leftpad&below=1.9.0", &[]);
        check("component=leftpad&ecosystem=deb", &[]);
        check("component=nothing", &[]);
        let repository = repository(&it.store, 1, "b");
        check(&format!("repository={repository}"), &["b"]);
        check("registry=1", &["team/a", "b"]);
        check("registry=2,3", &[]);
        for bad in ["below=1", "component=x&ecosystem=none", "level=worst", "registry=x", "sort=x"]
        {
            assert_eq!(
                it.refused(&who, "GET", &format!("/api/v1/images?{bad}"), None).0,
                422,
                "{bad}"
            );
        }
        let first = it.done(&who, "GET", "/api/v1/images?limit=1", None);
        let next = format!("/api/v1/images?limit=1&cursor={}", first["next"].as_str().unwrap());
        assert_eq!(names(it, &who, &next), ["b"]);
        // A cursor of another list is none of this one.
        let other = format!("/api/v1/images?sort=name&cursor={}", first["next"].as_str().unwrap());
        assert_eq!(it.refused(&who, "GET", &other, None).0, 422);
    });
}

#[test]
fn an_image_says_what_is_in_it_and_why_that_matters() {
    on_each(|it| {
        let who = fill(it);
        let place = format!("/api/v1/images/{}", digest("a"));
        let ask = |what: &str| it.done(&who, "GET", &format!("{place}{what}"), None);
        let findings = ask("/findings");
        let worst = &findings[0];
        assert_eq!((&worst["name"], &worst["level"]), (&json!("CVE-2024-1"), &json!("high")));
        assert_eq!((&worst["package"], &worst["fixed"]), (&json!("libc6"), &json!("9.9")));
        assert_eq!(
            (&worst["status"], &worst["first_seen"]),
            (&json!("fixed"), &json!("1970-01-01T00:00:01Z"))
        );
        let why = format!("/api/v1/components/{}/risks/{}", worst["component"], worst["risk"]);
        let why = it.done(&who, "GET", &why, None);
        assert_eq!(why["why"]["comparison"], "1 < 9.9 (dpkg)");
        assert!(why["priority"].as_u64().unwrap() > 0, "{why}");
        assert_eq!(
            (&why["severity"]["level"], &why["kind"]),
            (&json!("critical"), &json!("vulnerability"))
        );
        assert_eq!(it.refused(&who, "GET", "/api/v1/components/99/risks/99", None).0, 404);
        let components = ask("/components");
        assert_eq!(components.as_array().unwrap().len(), 2);
        assert_eq!(
            (&components[0]["ecosystem"], &components[0]["scope"]),
            (&json!("deb"), &json!("Debian 12"))
        );
        let compare = ask(&format!("/compare?with={}", digest("b")));
        assert_eq!(compare["components_removed"], json!([["libc6", "2.36-9"]]));
        assert_eq!(compare["findings_removed"][0]["name"], "CVE-2024-1");
        let all = ["", "/findings", "/components", "/timeline", "/scans", "/sbom", "/fix-plan"];
        for missing in all {
            let target = format!("/api/v1/images/sha256:none{missing}");
            assert_eq!(it.refused(&who, "GET", &target, None).0, 404, "{target}");
        }
        let common = it.done(&who, "GET", "/api/v1/risks?sort=images&limit=1", None);
        assert_eq!(common["items"][0]["name"], "CVE-2024-2");
        let risks = it.done(&who, "GET", "/api/v1/risks", None);
        assert_eq!(risks["items"][0]["name"], "CVE-2024-1");
        assert_eq!(
            (&risks["items"][1]["images"], &risks["items"][1]["category"]),
            (&json!(2), &json!("application"))
        );
        let low = it.done(&who, "GET", "/api/v1/risks?level=low&text=2024-2", None);
        assert_eq!(low["items"].as_array().unwrap().len(), 1);
        assert_eq!(it.done(&who, "GET", "/api/v1/risks/CVE-2024-2", None)[0]["images"], 2);
        assert_eq!(it.refused(&who, "GET", "/api/v1/risks/CVE-0", None).0, 404);
        let affected = it.done(&who, "GET", "/api/v1/risks/CVE-2024-2/components", None);
        assert_eq!(affected["items"][0]["name"], "leftpad");
        let names = it.done(&who, "GET", "/api/v1/components?text=libc", None);
        assert_eq!(
            (&names["items"][0]["name"], &names["items"][0]["components"]),
            (&json!("libc6"), &json!(2))
        );
        let figures = it.done(&who, "GET", "/api/v1/figures", None);
        assert_eq!(figures["risks"], json!([["application", "low", 1], ["system", "high", 1]]));
        let high = json!({"state": "scanned", "level": "high", "coverage": "known", "images": 1});
        assert!(figures["images"].as_array().unwrap().contains(&high), "{figures}");
    });
}

#[test]
fn past_days_and_the_age_of_risks_are_figures_too() {
    on_each(|it| {
        let who = fill(it);
        let ask =
            |days: &str| it.done(&who, "GET", &format!("/api/v1/figures/history{days}"), None);
        let days = |all: Value| {
            all.as_array().unwrap().iter().map(|it| it["day"].clone()).collect::<Vec<_>>()
        };
        // Nobody has written anything down yet, and today is there all the same.
        let first = ask("")[0].clone();
        assert_eq!(first["images"], json!({"high": 1, "medium": 0, "low": 1}));
        let low = json!({"high": 0, "medium": 0, "low": 1});
        assert_eq!(first["risks"]["system"]["high"], 1);
        assert_eq!(first["risks"]["application"], low);
        let past = it.now.load(Ordering::SeqCst) - 10 * 86_400_000;
        it.store.write(|tx| store::history::note(tx, past)).unwrap();
        let all = ask("?days=90");
        assert_eq!((days(all.clone()).len(), &all[1]), (2, &first));
        assert_eq!((&all[0]["images"], &all[0]["risks"]), (&first["images"], &first["risks"]));
        assert!(all[0]["day"].as_str() < first["day"].as_str(), "{all}");
        assert_eq!((days(ask("?days=10")).len(), days(ask("?days=11")).len()), (1, 2));
        assert_eq!(it.refused(&who, "GET", "/api/v1/figures/history?days=0", None).0, 422);
        assert_eq!(it.refused(&who, "GET", "/api/v1/figures/history?days=401", None).0, 422);
        // They were found in 1970.
        let ages = it.done(&who, "GET", "/api/v1/figures", None)["ages"].clone();
        let old = |level: &str| json!({"level": level, "days": null, "risks": 1});
        assert_eq!(ages, json!([old("low"), old("high")]));
    });
}

#[test]
fn an_image_says_how_much_of_it_was_seen_and_when() {
    on_each(|it| {
        let who = fill(it);
        let place = format!("/api/v1/images/{}", digest("a"));
        let ask = |what: &str| it.done(&who, "GET", &format!("{place}{what}"), None);
        let image = ask("");
        let coverage = &image["coverage"];
        assert_eq!((&coverage["grade"], &coverage["attributed"]), (&json!("known"), &json!(0.75)));
        assert_eq!(coverage["supported"], true);
        assert_eq!(image["layers"][1]["created_by"], "RUN npm install");
        assert_eq!(image["systems"][0]["namespaces"], json!(["Debian:12"]));
        let timeline = ask("/timeline");
        assert_eq!(timeline.as_array().unwrap().len(), 1);
        assert_eq!(
            (&timeline[0]["what"], &timeline[0]["findings"], &timeline[0]["level"]),
            (&json!("scanned"), &json!(2), &json!("high"))
        );
    });
}

#[test]
fn an_image_has_a_bill_of_materials_and_a_plan() {
    on_each(|it| {
        let who = fill(it);
        let place = format!("/api/v1/images/{}", digest("a"));
        let bill = |query: &str| whole(it.ask(&who, "GET", &format!("{place}/sbom{query}"), None));
        let reply = bill("");
        let media_type = header(&reply, "content-type").unwrap();
        assert_eq!(media_type, "application/vnd.cyclonedx+json; version=1.6");
        assert!(header(&reply, "content-disposition").unwrap().ends_with(".cdx.json\""));
        let rule = json!({"risk": "CVE-2024-1", "place": "everything", "kind": "false-positive", "reason": "not built in"});
        it.done(&who, "POST", "/api/v1/exceptions", Some(&rule));
        let bom: Value = serde_json::from_slice(&bill("?format=cyclonedx").body).unwrap();
        assert_eq!(bom["metadata"]["component"]["version"], digest("a"));
        assert_eq!(bom["components"][0]["name"], "debian");
        assert_eq!(bom["components"][1]["purl"], "pkg:deb/debian/libc6@2.36-9?distro=debian-12");
        assert_eq!(
            bom["components"][2]["evidence"]["occurrences"][0]["location"],
            "srv/1/node_modules/leftpad/package.json"
        );
        let decided = bom["vulnerabilities"]
            .as_array()
            .unwrap()
            .iter()
            .find(|it| it["id"] == "CVE-2024-1")
            .unwrap();
        assert_eq!(
            decided["analysis"],
            json!({"state": "not_affected", "detail": "not built in (admin)"})
        );
        let spdx = bill("?format=spdx");
        assert_eq!(header(&spdx, "content-type"), Some("application/spdx+json"));
        let spdx: Value = serde_json::from_slice(&spdx.body).unwrap();
        assert_eq!(spdx["packages"].as_array().unwrap().len(), 4);
        assert_eq!(it.refused(&who, "GET", &format!("{place}/sbom?format=xml"), None).0, 422);
        let plan = it.done(&who, "GET", &format!("{place}/fix-plan"), None);
        // What is handled needs no action.
        assert_eq!(plan["actions"].as_array().unwrap().len(), 1, "{plan}");
        assert_eq!(plan["actions"][0]["commands"], json!(["npm install leftpad@9.9"]));
        let timeline = it.done(&who, "GET", &format!("{place}/timeline"), None);
        assert_eq!(
            (&timeline[0]["what"], &timeline[0]["why"]),
            (&json!("handled"), &json!("not built in (admin)"))
        );
        it.pass(1);
        let new = [("team/a", vec![seen("a", &["1"]), seen("new", &["2"])])];
        round(&it.store, 1, &new, 20);
        let new = format!("/api/v1/images/{}/sbom", digest("new"));
        assert_eq!(it.refused(&who, "GET", &new, None), (409, "conflict".to_owned()));
    });
}

#[test]
fn an_exception_handles_findings_until_it_ends() {
    on_each(|it| {
        let admin = fill(it);
        let operator = it.somebody(&admin, "operator");
        let open = || {
            let list = it.done(&admin, "GET", "/api/v1/risks", None);
            let rows = list["items"].as_array().unwrap().iter();
            rows.map(|it| it["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let rule = |more: Value| {
            let mut it = json!({
                "risk": "CVE-2024-1", "place": "everything", "kind": "accepted", "reason": "not reachable",
            });
            it.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            it
        };
        for bad in [
            json!({"risk": ""}),
            json!({"reason": " "}),
            json!({"until": "2001-01-01T00:00:00Z"}),
            json!({"kind": "whatever"}),
            json!({"place": "somewhere"}),
        ] {
            let refused =
                it.refused(&operator, "POST", "/api/v1/exceptions", Some(&rule(bad.clone())));
            assert_eq!(refused.0, 422, "{bad}");
        }
        let made = it.done(&operator, "POST", "/api/v1/exceptions", Some(&rule(json!({}))));
        assert_eq!((&made["person"], open()), (&json!("operator"), vec!["CVE-2024-2".to_owned()]));
        let place = format!("/api/v1/exceptions/{}", made["id"]);
        let findings = format!("/api/v1/images/{}/findings", digest("a"));
        let findings = it.done(&admin, "GET", &findings, None);
        assert_eq!(findings[0]["handled_by"], made["id"]);
        assert!(it.done(&operator, "DELETE", &place, None)["ended_at"].is_string());
        assert_eq!(open().len(), 2);
        assert_eq!(it.refused(&operator, "DELETE", &place, None).0, 409);
        assert_eq!(it.refused(&operator, "DELETE", "/api/v1/exceptions/99", None).0, 404);
        let one = rule(json!({"risk": "", "package": "leftpad", "place": {"image": digest("b")}}));
        it.done(&operator, "POST", "/api/v1/exceptions", Some(&one));
        let list = it.done(&admin, "GET", "/api/v1/exceptions?ended=true", None);
        assert_eq!(list["items"].as_array().unwrap().len(), 2);
        let audit =
            it.done(&admin, "GET", "/api/v1/audit?person=operator&action=endException", None);
        assert_eq!(audit["items"][0]["before"]["ended_at"], Value::Null);
        assert!(audit["items"][0]["after"]["ended_at"].is_string());
    });
}

/// A sheet of a workbook, by an independent reader.
fn sheet(reply: &Reply) -> String {
    let archive = rawzip::ZipArchive::from_slice(&reply.body).unwrap();
    let mut entries = archive.entries();
    let first = entries.next_entry().unwrap().unwrap();
    let entry = archive.get_entry(first.wayfinder()).unwrap();
    let mut text = String::new();
    let reader = flate2::read::DeflateDecoder::new(entry.data());
    entry.verifying_reader(reader).read_to_string(&mut text).unwrap();
    text
}

/// A body that came in chunks, put together.
pub(crate) fn whole(reply: Reply) -> Reply {
    assert_eq!(header(&reply, "transfer-encoding"), Some("chunked"));
    let (mut rest, mut body) = (&reply.body[..], Vec::new());
    loop {
        let end = rest.windows(2).position(|it| it == b"\r\n").expect("the body was cut off");
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return Reply { body, ..reply };
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + length]);
        rest = &rest[end + 4 + length..];
    }
}

#[test]
fn lists_come_as_files_without_formulas() {
    on_each(|it| {
        let who = fill(it);
        let get = |target: &str| whole(it.ask(&who, "GET", target, None));
        let csv = get("/api/v1/images/export");
        assert_eq!(header(&csv, "content-type"), Some("text/csv; charset=utf-8"));
        assert_eq!(
            header(&csv, "content-disposition"),
            Some("attachment; filename=\"images.csv\"")
        );
        let text = String::from_utf8(csv.body).unwrap();
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert!(lines[0].starts_with("Registry,Repository,Tags,Digest,"), "{text}");
        let start =
            format!("\"'=home\",team/a,1 latest,{},linux/amd64,Debian 12,scanned,", digest("a"));
        assert!(lines[1].starts_with(&start), "{text}");
        assert!(lines[1].ends_with(",1970-01-01T00:00:01Z,high,known,1,0,0,0,0,1,0,0,0"), "{text}");
        assert_eq!(lines.len(), 4, "{text}");
        let xlsx = get("/api/v1/images/export?format=xlsx&level=high");
        assert_eq!(
            header(&xlsx, "content-disposition"),
            Some("attachment; filename=\"images.xlsx\"")
        );
        let rows = sheet(&xlsx);
        assert!(rows.contains(">=home</t>") && !rows.contains("<f>"), "{rows}");
        assert_eq!(rows.matches("<row>").count(), 2);
        let risks = String::from_utf8(get("/api/v1/risks/export").body).unwrap();
        assert!(risks.contains("CVE-2024-1,what CVE-2024-1 is about,system,high,"), "{risks}");
        assert_eq!(it.refused(&who, "GET", "/api/v1/risks/export?format=pdf", None).0, 422);
    });
}

#[test]
fn a_registry_is_asked_and_removed() {
    on_each(|it| {
        let admin = fill(it);
        let operator = it.somebody(&admin, "operator");
        let list = it.done(&operator, "GET", "/api/v1/registries", None);
        let home = &list[0];
        assert_eq!(
            (&home["name"], &home["images"], &home["has_secret"]),
            (&json!("=home"), &json!(2), &json!(true))
        );
        assert!(!list.to_string().contains("\"secret\""), "{list}");
        let place = format!("/api/v1/registries/{}", home["id"]);
        let names = it.done(&operator, "GET", &format!("{place}/namespaces"), None);
        assert_eq!(names["items"][1]["name"], "team");
        let some = |query: &str| {
            let list = it.done(&operator, "GET", &format!("/api/v1/repositories?{query}"), None);
            list["items"].as_array().unwrap().len()
        };
        assert_eq!(
            [some(""), some("namespace=team"), some("namespace="), some("text=B")],
            [2, 1, 1, 1]
        );
        it.pass(60_000);
        let at =
            it.done(&operator, "POST", &format!("{place}/synchronise"), None)["sync_at"].clone();
        assert!(at.is_string() || at.is_null(), "{at}");
        assert_eq!(it.refused(&operator, "DELETE", &place, None).0, 403);
        it.done(&admin, "DELETE", &place, None);
        assert_eq!(it.done(&admin, "GET", "/api/v1/registries", None), json!([]));
        assert!(it.done(&admin, "GET", &place, None)["removed_at"].is_string());
        assert_eq!(it.refused(&admin, "DELETE", &place, None).0, 404);
        assert!(names_left(it, &admin).is_empty());
    });
}

fn names_left(it: &Running, who: &As) -> Vec<String> {
    names(it, who, "/api/v1/images")
}
