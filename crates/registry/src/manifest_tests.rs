//! Manifests and configurations, good and bad.
use super::*;

const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

#[test]
fn documents_are_told_apart() {
    let check = |text: &str, expected: &str| {
        let text = text.replace('A', A);
        let got = match document(text.as_bytes()) {
            Ok(Document::Index(it)) => format!("index of {}", it.len()),
            Ok(Document::Manifest(it)) => format!("manifest of {}", it.layers.len()),
            Err(err) => err.to_string().split(':').next().unwrap().to_owned(),
        };
        assert_eq!(got, expected, "{text}");
    };
    check(r#"{"manifests":[{"digest":"A"}]}"#, "index of 1");
    check(r#"{"config":{"digest":"A"},"layers":[{"digest":"A","size":-1}]}"#, "manifest of 1");
    check(r#"{"config":{"digest":"A"},"layers":null}"#, "manifest of 0");
    check(r#"{"config":{"digest":"A"},"layers":[],"manifests":[]}"#, "malformed");
    check(r#"{"manifests":[],"layers":[]}"#, "malformed");
    check(r#"{"layers":[]}"#, "malformed");
    check(r#"{"config":{"digest":"A"},"config":{"digest":"A"}}"#, "malformed");
    check(r#"{"config":{"digest":"md5:0"}}"#, "malformed");
    check(r#"{"schemaVersion":1,"fsLayers":[]}"#, "not supported");
    check("[]", "malformed");
    check("", "malformed");
    check(&"[".repeat(100_000), "malformed");
}

#[test]
fn attestations_are_no_images() {
    let check = |more: &str, expected: bool| {
        let text = format!(r#"{{"manifests":[{{"digest":"{A}",{more}}}]}}"#);
        let Ok(Document::Index(entries)) = document(text.as_bytes()) else { panic!("{text}") };
        assert_eq!(entries[0].is_attestation(), expected, "{text}");
    };
    check(r#""platform":{"os":"unknown","architecture":"unknown"}"#, true);
    check(r#""annotations":{"vnd.docker.reference.type":"attestation-manifest"}"#, true);
    check(r#""platform":{"os":"linux","architecture":"amd64"}"#, false);
    check(r#""platform":null,"annotations":null"#, false);
}

#[test]
fn layers_know_their_build_instruction() {
    let check = |history: &str, expected: &[&str]| {
        let text = format!(r#"{{"rootfs":{{"diff_ids":["{A}","{A}"]}},"history":{history}}}"#);
        let config = config(text.as_bytes()).unwrap();
        assert_eq!(config.created_by, expected, "{history}");
        let image = image("x", None, vec![Descriptor::default(); 2], config).unwrap();
        assert_eq!(image.layers.len(), 2);
    };
    check(
        r#"[{"created_by":"ADD"},{"created_by":"ENV","empty_layer":true},{"created_by":"RUN"}]"#,
        &["ADD", "RUN"],
    );
    check(r#"[{"created_by":"ADD"},{}]"#, &["ADD", ""]);
    // One too many or too few: nobody can say which belongs to which.
    check(r#"[{"created_by":"ADD"}]"#, &[]);
    check("null", &[]);
}

#[test]
fn configurations_say_what_an_image_is_set_up_to_do() {
    let read = |more: &str| {
        let text = format!(r#"{{"rootfs":{{"diff_ids":[]}}{more}}}"#);
        config(text.as_bytes()).map(|it| it.image)
    };
    assert_eq!(read("").unwrap(), ImageConfig::default());
    assert_eq!(read(r#","config":null"#).unwrap(), ImageConfig::default());
    let nothing = r#","config":{"Entrypoint":null,"Env":null,"ExposedPorts":null,"Labels":null,"Healthcheck":{}}"#;
    assert_eq!(read(nothing).unwrap(), ImageConfig::default());
    let all = r#","config":{"User":"app","ExposedPorts":{"80/tcp":{}},"Env":["A=b"],"Entrypoint":["/x"],"Cmd":["-v"],
        "Healthcheck":{"Test":["CMD","/y"]},"WorkingDir":"/srv","Labels":{"a":"b"},"StopSignal":"TERM"},
        "history":[{"created_by":"ADD"},{"comment":"x"},{"created_by":"CMD","empty_layer":true}]"#;
    let list = |words: &[&str]| words.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let expected = ImageConfig {
        user: "app".to_owned(),
        exposed_ports: list(&["80/tcp"]),
        env: list(&["A=b"]),
        entrypoint: list(&["/x"]),
        cmd: list(&["-v"]),
        healthcheck: list(&["CMD", "/y"]),
        working_dir: "/srv".to_owned(),
        labels: [("a".to_owned(), "b".to_owned())].into(),
        history: list(&["ADD", "CMD"]),
    };
    assert_eq!(read(all).unwrap(), expected);
    assert!(read(r#","config":{"Env":"A=b"}"#).is_err());
}

#[test]
fn configurations_that_do_not_fit_are_refused() {
    let check = |text: &str, layers: usize, expected: &str| {
        let text = text.replace('A', A);
        let image = config(text.as_bytes())
            .and_then(|it| image("x", None, vec![Descriptor::default(); layers], it));
        let got = image.map_or_else(|err| err.to_string(), |it| it.layers.len().to_string());
        assert!(got.starts_with(expected), "{text}: {got}");
    };
    check(r#"{"rootfs":{"diff_ids":["A"]}}"#, 1, "1");
    check(r#"{"rootfs":{"diff_ids":null}}"#, 0, "0");
    check(r#"{"rootfs":{"diff_ids":["A"]}}"#, 2, "malformed: x has 2 layers");
    check(r#"{"rootfs":{"diff_ids":["x"]}}"#, 1, "malformed: `x`");
    check(r#"{"name":"chart","version":"1"}"#, 1, "not supported");
    check("{", 0, "malformed");
}
