//! The same things said in CSAF and in CycloneDX, and what rules they make.
use super::*;

fn csaf(products: &str, vulnerability: &str) -> Vex {
    let text = format!(
        r#"{{"document":{{"category":"csaf_vex","csaf_version":"2.0","title":"t",
          "publisher":{{"category":"vendor","name":"The team","namespace":"https://team.example/"}},
          "tracking":{{"id":"T-1","version":"1.2.0","current_release_date":"2024-05-01T00:00:00Z"}}}},
          "product_tree":{{{products}}},"vulnerabilities":[{{"cve":"{CVE}",{vulnerability}}}]}}"#
    );
    parse(text.as_bytes()).unwrap_or_else(|err| panic!("{err}: {text}"))
}

fn cyclonedx(subject: &str, components: &str, analysis: &str, reference: &str) -> Vex {
    let text = format!(
        r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","serialNumber":"urn:uuid:1","version":3,
          "metadata":{{"timestamp":"2024-05-01T00:00:00Z","authors":[{{"name":"The team"}}],"component":{subject}}},
          "components":[{components}],
          "vulnerabilities":[{{"id":"{CVE}","analysis":{{{analysis}}},"affects":[{{"ref":"{reference}"}}]}}]}}"#
    );
    parse(text.as_bytes()).unwrap_or_else(|err| panic!("{err}: {text}"))
}

/// Which of the four findings are taken away, and the reason for the first of them.
fn taken_by(vex: &Vex) -> (String, String) {
    let outcome = outcome(&[std::slice::from_ref(vex)]);
    let mark = |it: &String| if it.starts_with("VEX") { 'x' } else { '-' };
    let reason = outcome.iter().find(|it| it.starts_with("VEX")).cloned().unwrap_or_default();
    (outcome.iter().map(mark).collect(), reason)
}

const NOT_AFFECTED: &str = r#""product_status":{"known_not_affected":["P"]},
    "flags":[{"label":"vulnerable_code_not_present","product_ids":["P"]}]"#;

#[test]
fn csaf_documents() {
    let check = |products: &str, vulnerability: &str, expected: &str| {
        let vex = csaf(products, vulnerability);
        assert_eq!(vex.problems, [""; 0], "{products}");
        assert_eq!(taken_by(&vex).0, expected, "{products} {vulnerability}");
    };
    let named = |helper: &str| {
        format!(
            r#""full_product_names":[{{"product_id":"P","name":"p","product_identification_helper":{{{helper}}}}}]"#
        )
    };
    let lodash = named(r#""purl":"pkg:npm/lodash""#);
    check(&lodash, NOT_AFFECTED, "--x-");
    check(
        &named(r#""purls":["pkg:npm/lodash","pkg:golang/github.com/a/b@v1.2.3"]"#),
        NOT_AFFECTED,
        "--xx",
    );
    check(&named(r#""cpe":"cpe:/a:x""#), NOT_AFFECTED, "----");
    let hash = |hex: &str| {
        named(&format!(
            r#""hashes":[{{"filename":"x","file_hashes":[{{"algorithm":"sha256","value":"{hex}"}}]}}]"#
        ))
    };
    check(&hash(digest().hex()), NOT_AFFECTED, "xxxx");
    check(&hash(&"0".repeat(64)), NOT_AFFECTED, "----");
    let branch = r#""branches":[{"category":"vendor","name":"v","branches":[{"category":"product_name","name":"n",
        "product":{"product_id":"P","name":"p","product_identification_helper":{"purl":"pkg:npm/lodash@4.17.20"}}}]}]"#;
    check(branch, NOT_AFFECTED, "--x-");
    check(branch, r#""product_status":{"fixed":["P"]}"#, "--x-");
    check(&lodash, r#""product_status":{"fixed":["P"]}"#, "----");
    check(&lodash, r#""product_status":{"known_not_affected":["P"]}"#, "----");
    check(&lodash, r#""product_status":{"known_affected":["P"]}"#, "----");
    check(&lodash, r#""product_status":{"recommended":["P"]}"#, "----");
    let impact = r#""product_status":{"known_not_affected":["P"]},"threats":[{"category":"impact","details":"not built in","group_ids":["G"]}]"#;
    let group = format!(r#"{lodash},"product_groups":[{{"group_id":"G","product_ids":["P"]}}]"#);
    check(&group, impact, "--x-");
    assert_eq!(taken_by(&csaf(&group, impact)).1, "VEX by The team: not_affected: not built in");
    // A component of a product: of the image, or of something that nobody can tell.
    let of = |whole: &str| {
        format!(
            r#""full_product_names":[{{"product_id":"W","name":"w","product_identification_helper":{{{whole}}}}},
              {{"product_id":"C","name":"c","product_identification_helper":{{"purl":"pkg:npm/lodash"}}}}],
              "relationships":[{{"category":"default_component_of","product_reference":"C","relates_to_product_reference":"W",
                "full_product_name":{{"product_id":"P","name":"c in w"}}}}]"#
        )
    };
    check(&of(&format!(r#""purl":"pkg:oci/app@{}""#, digest())), NOT_AFFECTED, "--x-");
    check(&of(r#""cpe":"cpe:/o:redhat:enterprise_linux:9""#), NOT_AFFECTED, "----");
}

#[test]
fn csaf_documents_may_be_strange() {
    let check = |vulnerability: &str, expected: &str| {
        let vex = csaf("", vulnerability);
        assert!(vex.problems.concat().contains(expected), "{:?}", vex.problems);
    };
    check(NOT_AFFECTED, "product 1: P is not in the product tree");
    check(r#""product_status":[]"#, "vulnerability 1: invalid type");
    let vex = csaf("", r#""product_status":{}"#);
    assert_eq!((vex.id(), vex.version()), ("https://team.example/T-1", "1.2.0"));
    assert_eq!(vex.dated().unwrap().to_string(), "2024-05-01T00:00:00Z");
}

#[test]
fn cyclonedx_documents() {
    let harmless =
        r#""state":"not_affected","justification":"code_not_reachable","detail":"not called""#;
    let lodash =
        r#"{"bom-ref":"l","type":"library","name":"lodash","purl":"pkg:npm/lodash@4.17.20"}"#;
    let image = format!(
        r#"{{"bom-ref":"image","type":"container","name":"app","hashes":[{{"alg":"SHA-256","content":"{}"}}]}}"#,
        digest().hex()
    );
    let check = |subject: &str, analysis: &str, reference: &str, expected: &str| {
        let vex = cyclonedx(subject, lodash, analysis, reference);
        assert_eq!(taken_by(&vex).0, expected, "{subject} {analysis} {reference}");
    };
    check("null", harmless, "l", "--x-");
    check(&image, harmless, "l", "--x-");
    check(&image, harmless, "image", "xxxx");
    check(&image.replace("07", "08"), harmless, "l", "--x-");
    check(&image.replace("07", "09"), harmless, "l", "----");
    // What cannot be told from others is passed over.
    check(r#"{"bom-ref":"image","type":"container","name":"app"}"#, harmless, "l", "--x-");
    check("null", harmless, "pkg:npm/lodash@4.17.20", "--x-");
    check("null", harmless, "urn:cdx:1/1#pkg:npm/lodash@4.17.20", "--x-");
    check("null", harmless, "urn:cdx:1/1#l", "--x-");
    check("null", harmless, "m", "----");
    check("null", r#""state":"false_positive""#, "l", "--x-");
    check("null", r#""state":"resolved""#, "l", "--x-");
    check("null", r#""state":"not_affected""#, "l", "----");
    check("null", r#""state":"in_triage""#, "l", "----");
    check("null", r#""state":"exploitable""#, "l", "----");
    let vex = cyclonedx("null", lodash, harmless, "l");
    assert_eq!(taken_by(&vex).1, "VEX by The team: code_not_reachable: not called");
    assert_eq!((vex.id(), vex.version()), ("urn:uuid:1", "3"));
    let problem = |analysis: &str| cyclonedx("null", lodash, analysis, "l").problems.concat();
    assert_eq!(problem(""), "1 vulnerabilities without a state of their analysis");
    assert_eq!(problem(r#""state":"fine""#), "statement 1: unknown state `fine`");
}

/// What each claim would be.
fn claims(vex: &Vex) -> Vec<String> {
    let show = |it: Claim| match it.rule {
        Err(why) => format!("{} {}: {why}", it.status, it.product),
        Ok(it) => {
            let package = it.package.map_or("anything".to_owned(), |it| it.to_string());
            let kind = if it.fixed { "fixed" } else { "harmless" };
            match it.place {
                Place::Everywhere => format!("{kind} {package}"),
                Place::Image(digest) => format!("{kind} {package} in {digest}"),
                Place::Repository { repository, tag } => {
                    format!("{kind} {package} in {repository}:{}", tag.unwrap_or_default())
                }
            }
        }
    };
    vex.claims().into_iter().map(show).collect()
}

/// A statement is this one rule, or none for this reason.
fn check_rule(product: &str, status: &str, expected: &str) {
    let product = match product.starts_with('{') {
        true => product.to_owned(),
        false => format!(r#"{{"@id":"{product}"}}"#),
    };
    assert_eq!(claims(&document(&statement(&product, status))), [expected], "{product}");
}

#[test]
fn statements_are_rules_where_they_can_be() {
    let check = check_rule;
    let fixed = r#""status":"fixed""#;
    check("pkg:npm/lodash", HARMLESS, "harmless pkg:npm/lodash");
    check("pkg:npm/lodash@4.17.20", fixed, "fixed pkg:npm/lodash@4.17.20");
    check(
        "pkg:deb/debian/openssl?arch=source",
        HARMLESS,
        "harmless pkg:deb/debian/openssl?arch=source",
    );
    check(
        "pkg:npm/lodash",
        fixed,
        "fixed pkg:npm/lodash: no version is given, so it does not count",
    );
    check(
        "pkg:npm/lodash",
        r#""status":"not_affected""#,
        "not_affected pkg:npm/lodash: no reason is given, so it does not count",
    );
    check(
        "pkg:npm/lodash",
        r#""status":"affected""#,
        "affected pkg:npm/lodash: it takes no finding away",
    );
    check(
        "pkg:npm/lodash",
        r#""status":"under_investigation""#,
        "under_investigation pkg:npm/lodash: it takes no finding away",
    );
    check(
        "https://team.example/app",
        HARMLESS,
        "not_affected https://team.example/app: neither an image nor a package URL of a kind that we know",
    );
    check(
        "pkg:docker/x@1",
        HARMLESS,
        "not_affected pkg:docker/x@1: neither an image nor a package URL of a kind that we know",
    );
}

#[test]
fn statements_about_images_are_rules_for_places() {
    let check = check_rule;
    let own = digest();
    let in_image = format!("harmless anything in {own}");
    check(&format!("pkg:oci/app@{own}"), HARMLESS, &in_image);
    check(&format!("registry.example/app@{own}"), HARMLESS, &in_image);
    check(own.as_str(), HARMLESS, &in_image);
    check(&format!(r#"{{"@id":"x","hashes":{{"sha-256":"{}"}}}}"#, own.hex()), HARMLESS, &in_image);
    check(
        "pkg:oci/app?repository_url=registry.example:5000/team",
        HARMLESS,
        "harmless anything in registry.example:5000/team/app:",
    );
    check(
        "pkg:oci/app?repository_url=registry.example/app&tag=1",
        HARMLESS,
        "harmless anything in registry.example/app:1",
    );
    check(
        "pkg:oci/app",
        HARMLESS,
        "not_affected pkg:oci/app: nothing says which repository that is",
    );
    let with = |whole: &str, part: &str| {
        format!(r#"{{"@id":"{whole}","subcomponents":[{{"@id":"{part}"}}]}}"#)
    };
    check(
        &with(own.as_str(), "pkg:npm/lodash"),
        HARMLESS,
        &format!("harmless pkg:npm/lodash in {own}"),
    );
    check(
        &with(own.as_str(), "lodash"),
        HARMLESS,
        &format!(
            "not_affected lodash in {own}: the part is not named by a package URL of a kind that we know"
        ),
    );
    check(
        &with("pkg:npm/app", "pkg:npm/lodash"),
        HARMLESS,
        "not_affected pkg:npm/lodash in pkg:npm/app: it is part of something that is no image",
    );
}

#[test]
fn a_later_word_takes_a_rule_away() {
    let say = |product: &str, status: &str, at: &str| {
        let why = if status == "not_affected" { r#","impact_statement":"x""# } else { "" };
        statement(
            &format!(r#""{product}""#),
            &format!(r#""status":"{status}","timestamp":"{at}T00:00:00Z"{why}"#),
        )
    };
    let check = |statements: &[String], expected: &[bool]| {
        let claims = document(&statements.join(",")).claims();
        let rules: Vec<bool> = claims.iter().map(|it| it.rule.is_ok()).collect();
        assert_eq!(rules, expected, "{statements:?}");
    };
    let (any, one, other) = ("pkg:npm/lodash", "pkg:npm/lodash@1", "pkg:npm/lodash@2");
    check(
        &[say(any, "not_affected", "2024-01-01"), say(any, "affected", "2024-02-01")],
        &[false, false],
    );
    check(
        &[say(any, "not_affected", "2024-02-01"), say(any, "affected", "2024-01-01")],
        &[true, false],
    );
    // A rule cannot leave one version out.
    check(
        &[say(any, "not_affected", "2024-01-01"), say(one, "affected", "2024-02-01")],
        &[false, false],
    );
    check(
        &[say(one, "not_affected", "2024-01-01"), say(other, "affected", "2024-02-01")],
        &[true, false],
    );
    check(
        &[say(one, "fixed", "2024-01-01"), say(one, "under_investigation", "2024-01-01")],
        &[false, false],
    );
}

proptest! {
    #[test]
    fn damage_to_other_formats_never_panics(at in 0_usize..900, with: u8, len in 0_usize..900) {
        let documents = [
            r#"{"document":{"tracking":{"id":"T","version":1}},"product_tree":{"branches":[{"product":{"product_id":"P",
              "product_identification_helper":{"purl":"pkg:npm/a"}}}],"relationships":[{"product_reference":"P",
              "relates_to_product_reference":"P","full_product_name":{"product_id":"P"}}]},"vulnerabilities":[{"cve":"C",
              "product_status":{"fixed":["P"]},"flags":[{"label":"x","product_ids":["P"]}]}]}"#,
            r#"{"bomFormat":"CycloneDX","metadata":{"component":{"bom-ref":"s","purl":"pkg:oci/a?repository_url=b"}},
              "components":[{"bom-ref":"a","purl":"pkg:npm/a"}],"vulnerabilities":[{"id":"C","analysis":{"state":"resolved"},
              "affects":[{"ref":"a"},{"ref":"s"}]}]}"#,
        ];
        for text in documents {
            let mut bytes = text.as_bytes().to_vec();
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= with;
            }
            if let Ok(it) = parse(&bytes) {
                it.claims();
                outcome(&[&[it]]);
            }
            bytes.truncate(len);
            drop(parse(&bytes));
        }
    }
}
