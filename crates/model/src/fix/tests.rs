//! Findings, and what is to be done about them.
use super::*;
use crate::{Ecosystem, ImagePath, Namespace, Rating, Release, SourcePackage, Status, Why};

/// `deb:libssl3=3.0.11-1 from openssl in var/lib/dpkg/status`: an ecosystem, a name, a version, and if there is one the
/// source, with its version after a `/`, and the file. `dev ` in front: for development.
fn component(text: &str) -> Located<Component> {
    let (text, presence) = match text.strip_prefix("dev ") {
        Some(text) => (text, crate::Presence::Development),
        None => (text, crate::Presence::Installed),
    };
    let (text, path) = text.split_once(" in ").unwrap_or((text, ""));
    let (text, source) = text.split_once(" from ").unwrap_or((text, ""));
    let (kind, text) = text.split_once(':').unwrap();
    let (name, version) = text.split_once('=').unwrap();
    let mut what = Component::new(Ecosystem::from_purl(kind).unwrap(), name, version);
    if !source.is_empty() {
        let (name, version) = source.split_once('/').unwrap_or((source, version));
        what.source = Some(SourcePackage { name: name.to_owned(), version: version.to_owned() });
    }
    what.presence = presence;
    let system = what.ecosystem.is_system().then_some(0);
    let path = (!path.is_empty()).then(|| ImagePath::parse(path.as_bytes()).unwrap());
    Located { what, path, layer: 0, by: "test".to_owned(), system }
}

/// `CVE-1 high 3.0.13-1`; without a version there is no fix. After `: ` the versions that it is about.
fn finding(text: &str, by_source: bool) -> Finding {
    let (text, range) = text.split_once(": ").unwrap_or((text, ""));
    let mut words = text.split(' ');
    let id = words.next().unwrap().to_owned();
    let level = Level::of_word(words.next().unwrap());
    let fixed = words.next().map(str::to_owned);
    Finding {
        component: 0,
        id,
        aliases: Vec::new(),
        errata: Vec::new(),
        kind: crate::Kind::Vulnerability,
        status: if fixed.is_some() { Status::Fixed } else { Status::Affected },
        certain: true,
        fixed,
        subscription: words.next().map(str::to_owned),
        severity: Rating { level, ..Rating::default() },
        ratings: Vec::new(),
        title: String::new(),
        cwes: Vec::new(),
        references: Vec::new(),
        published: None,
        exploited: None,
        exploits: Vec::new(),
        restart: None,
        epss: None,
        priority: crate::Priority::default(),
        why: Why {
            namespace: Namespace::new("x"),
            package: String::new(),
            by_source,
            version: String::new(),
            scheme: String::new(),
            feed: String::new(),
            advisory: String::new(),
            range: range.to_owned(),
            comparison: String::new(),
        },
        sample: None,
        sources: Vec::new(),
    }
}

fn system(id: &str, version: &str) -> System {
    let release = Release { id: id.into(), version_id: version.into(), ..Release::default() };
    System { release: Some(release), ..System::default() }
}

fn planned(system: System, all: &[(&str, &str)]) -> FixPlan {
    let all: Vec<(Finding, Located<Component>)> = all
        .iter()
        .map(|(of, it)| {
            let component = component(of);
            (finding(it, component.what.ecosystem == Ecosystem::Deb), component)
        })
        .collect();
    plan(all.iter().map(|it| (&it.0, &it.1)), &[system])
}

fn counts(counts: &Counts) -> String {
    let counts: Vec<_> = counts.iter().rev().map(|(level, n)| format!("{n} {level}")).collect();
    counts.join(", ")
}

/// What is done, what that removes, and the commands.
fn show(plan: &FixPlan) -> Vec<String> {
    let line = |it: &Action| {
        let place = if it.place.is_empty() { String::new() } else { format!(" in {}", it.place) };
        let removes = counts(&it.removes);
        format!("{}{place} removes {removes}: {}", it.what, it.commands.join("; "))
    };
    plan.actions.iter().map(line).collect()
}

#[test]
fn packages_of_one_source_are_upgraded_together_to_where_all_is_mended() {
    let plan = planned(
        system("debian", "12"),
        &[
            ("deb:libssl3=3.0.11-1 from openssl", "CVE-1 high 3.0.13-1"),
            ("deb:openssl=3.0.11-1 from openssl", "CVE-1 high 3.0.13-1"),
            ("deb:libssl3=3.0.11-1 from openssl", "CVE-2 low 3.0.14-1"),
            ("deb:libssl3=3.0.11-1 from openssl", "CVE-3 low"),
            ("deb:zlib1g=1:1.2.13-1 from zlib", "CVE-4 critical 1:1.3-1"),
            ("deb:bash=5.2-1", "CVE-5 medium"),
        ],
    );
    assert_eq!(
        show(&plan),
        [
            "zlib removes 1 critical: apt-get update && apt-get install -y --only-upgrade zlib1g=1:1.3-1",
            "openssl removes 2 high, 1 low: apt-get update && apt-get install -y --only-upgrade \
             libssl3=3.0.14-1 openssl=3.0.14-1",
        ]
    );
    let openssl = &plan.actions[1];
    assert_eq!(openssl.vulnerabilities, ["CVE-1", "CVE-2"]);
    assert_eq!(
        (counts(&openssl.stays), counts(&plan.stays)),
        ("1 low".into(), "1 medium, 1 low".into())
    );
    assert_eq!(counts(&plan.in_base), "1 critical, 2 high, 1 low");
    let all = "apt-get update && apt-get upgrade -y".to_owned();
    assert_eq!(plan.at_once, [AtOnce { place: String::new(), command: all, actions: 2 }]);
}

#[test]
fn each_distribution_has_its_command() {
    let check = |id: &str, version: &str, of: &str, fixed: &str, expected: &str| {
        let plan = planned(system(id, version), &[(of, &format!("CVE-1 high {fixed}"))]);
        assert_eq!(plan.actions[0].commands, [expected], "{id} {version}");
    };
    let rpm = "rpm:openssl-libs=1:3.0.1-1.el9 from openssl";
    check(
        "alpine",
        "3.19.1",
        "apk:libcrypto3=3.1.4-r2 from openssl",
        "3.1.4-r5",
        "apk add --no-cache --upgrade 'libcrypto3>=3.1.4-r5'",
    );
    check("rhel", "9.2", rpm, "1:3.0.7-2.el9", "dnf upgrade -y openssl-libs-1:3.0.7-2.el9");
    check("centos", "7", rpm, "1:3.0.7-2", "yum update -y openssl-libs-1:3.0.7-2");
    check("amzn", "2", rpm, "1:3.0.7-2", "yum update -y openssl-libs-1:3.0.7-2");
    check("amzn", "2023", rpm, "1:3.0.7-2", "dnf upgrade -y openssl-libs-1:3.0.7-2");
    check("openEuler", "22.03", rpm, "1:3.0.7-2", "dnf upgrade -y openssl-libs-1:3.0.7-2");
    check(
        "sles",
        "15.5",
        rpm,
        "1:3.0.7-2",
        "zypper --non-interactive install 'openssl-libs>=1:3.0.7-2'",
    );
    check(
        "opensuse-leap",
        "15.5",
        rpm,
        "1:3",
        "zypper --non-interactive install 'openssl-libs>=1:3'",
    );
    check("photon", "4.0", rpm, "1:3", "tdnf update -y openssl-libs-1:3");
    check("whoknows", "1", rpm, "1:3", "dnf upgrade -y openssl-libs-1:3");
    check("arch", "", "alpm:openssl=3.1-1", "3.2-1", "pacman -Syu --noconfirm openssl");
    check(
        "openwrt",
        "23.05",
        "opkg:libopenssl=3.0.1-1",
        "3.0.2-1",
        "opkg update && opkg upgrade libopenssl",
    );
    // What the advisory says of the source is no version of this package.
    check(
        "debian",
        "12",
        "deb:libgcc-s1=12.2.0-14+b1 from gcc-12/12.2.0-14",
        "12.2.0-15",
        "apt-get update && apt-get install -y --only-upgrade libgcc-s1",
    );
}

#[test]
fn what_no_package_manager_looks_after_has_no_command() {
    let check = |path: &str, expected: usize| {
        let of = format!("deb:libc6=1 in {path}");
        let plan = planned(system("debian", "12"), &[(&of, "CVE-1 high 2")]);
        assert_eq!(plan.actions[0].commands.len(), expected, "{path}");
        assert_eq!(plan.actions[0].by_hand.is_none(), expected == 1, "{path}");
        assert_eq!(plan.at_once.len(), expected, "{path}");
    };
    check("var/lib/dpkg/status", 1);
    check("var/lib/dpkg/status.d/libc6", 0);
    check("var/lib/chisel/manifest.wall", 0);
}

#[test]
fn packages_of_one_project_are_upgraded_together() {
    let check = |all: &[(&str, &str)], expected: &[&str]| {
        assert_eq!(show(&planned(System::default(), all)), expected, "{all:?}");
    };
    check(
        &[
            ("npm:lodash=4.17.20 in app/node_modules/lodash/package.json", "CVE-1 high 4.17.21"),
            (
                "npm:@a/b=1.0.0 in app/node_modules/x/node_modules/@a/b/package.json",
                "CVE-2 low 1.0.1",
            ),
            ("npm:lodash=4.17.20 in other/package-lock.json", "CVE-1 high 4.17.21"),
        ],
        &[
            "@a/b and lodash in app removes 1 high, 1 low: npm install lodash@4.17.21; \
             npm pkg set 'overrides[@a/b]=1.0.1' && npm install",
            "lodash in other removes 1 high: npm install lodash@4.17.21",
        ],
    );
    check(
        &[
            ("golang:stdlib=1.21.0 in usr/bin/a", "CVE-1 high 1.21.5"),
            ("golang:stdlib=1.21.0 in usr/bin/a", "CVE-2 high 1.21.12"),
            ("golang:golang.org/x/net=0.1.0 in usr/bin/a", "CVE-3 medium 0.17.0"),
        ],
        &["golang.org/x/net and stdlib in usr/bin/a removes 2 high, 1 medium: \
           go get go@1.21.12; go get golang.org/x/net@v0.17.0; go mod tidy"],
    );
    let maven = "<dependency><groupId>org.x</groupId><artifactId>a</artifactId><version>1.2</version></dependency>";
    check(
        &[("maven:org.x:a=1.0 in app/a.war/WEB-INF/lib/x.jar", "CVE-1 high 1.2")],
        &[&format!("org.x:a in app/a.war removes 1 high: {maven}")],
    );
    let site = "usr/lib/python3/site-packages";
    check(
        &[
            (
                &format!("pypi:requests=2.0 in {site}/requests-2.0.dist-info/METADATA"),
                "CVE-1 high 2.1",
            ),
            (&format!("pypi:pip=20.0 in {site}/pip-20.0.dist-info/METADATA"), "CVE-2 high 21.0"),
            (&format!("pypi:zipp=1.0 in {site}/zipp-1.0.dist-info/METADATA"), "CVE-3 high 2.0"),
        ],
        &[&format!(
            "pip and 2 more in {site} removes 3 high: pip install pip==21.0 requests==2.1 zipp==2.0"
        )],
    );
    check(
        &[
            ("cargo:time=0.1.43 in app/Cargo.lock", "CVE-1 high 0.2.23"),
            ("cargo:smallvec=1.0 in app/Cargo.lock", "CVE-2 low 1.6.1"),
        ],
        &["smallvec and time in app removes 1 high, 1 low: \
           cargo update -p smallvec@1.0 --precise 1.6.1; cargo update -p time@0.1.43 --precise 0.2.23"],
    );
    check(
        &[("gem:rack=2.0 in Gemfile.lock", "CVE-1 high 2.2")],
        &["rack removes 1 high: bundle update --conservative rack"],
    );
    check(
        &[("generic:nginx=1.0 in usr/sbin/nginx", "CVE-1 high 1.2")],
        &["nginx in usr/sbin removes 1 high: "],
    );
}

#[test]
fn each_package_manager_is_told_in_its_own_words() {
    let check = |of: &str, expected: &str| {
        let plan = planned(System::default(), &[(of, "CVE-1 high 2.0")]);
        assert_eq!(plan.actions[0].commands, [expected], "{of}");
    };
    let all = |of: &str, files: &[(&str, &str)]| {
        files.iter().for_each(|it| check(&format!("{of} in {}", it.0), it.1));
    };
    all(
        "npm:a=1.0",
        &[
            ("app/node_modules/a/package.json", "npm install a@2.0"),
            ("app/package-lock.json", "npm install a@2.0"),
            (
                "app/node_modules/b/node_modules/a/package.json",
                "npm pkg set 'overrides[a]=2.0' && npm install",
            ),
            ("app/yarn.lock", "npm pkg set 'resolutions[a]=2.0' && yarn install"),
            ("app/pnpm-lock.yaml", "npm pkg set 'pnpm.overrides[a]=2.0' && pnpm install"),
            ("app/bun.lock", "npm pkg set 'overrides[a]=2.0' && bun install"),
        ],
    );
    all(
        "pypi:a=1.0",
        &[
            ("usr/lib/python3/site-packages/a-1.0.dist-info/METADATA", "pip install a==2.0"),
            ("app/poetry.lock", "poetry update a"),
            ("app/uv.lock", "uv lock --upgrade-package=a==2.0"),
            ("app/pdm.lock", "pdm update a"),
            ("app/Pipfile.lock", "pipenv update a"),
            ("app/requirements.txt", "a==2.0"),
            ("opt/conda/conda-meta/a-1.0-0.json", "conda install -y a=2.0"),
        ],
    );
    check("dev npm:a=1.0 in app/package-lock.json", "npm install --save-dev a@2.0");
    check("dev npm:a=1.0 in app/yarn.lock", "npm pkg set 'resolutions[a]=2.0' && yarn install");
    check("composer:a/b=1.0 in app/composer.lock", "composer require a/b:2.0");
    check("dev composer:a/b=1.0 in app/composer.lock", "composer require --dev a/b:2.0");
    check("conan:a=1.0 in app/conan.lock", "requires = a/2.0");
    check("hex:a=1.0 in app/mix.lock", "mix deps.update a");
    check("pub:a=1.0 in app/pubspec.lock", "dart pub upgrade a");
    check("nuget:A=1.0 in app/packages.lock.json", "dotnet add package A --version 2.0");
    check("cran:a=1.0", r#"Rscript -e 'remotes::install_version("a", "2.0")'"#);
    check("hackage:a=1.0 in app/stack.yaml.lock", "constraints: a >=2.0");
    check(
        "julia:A=1.0 in app/Manifest.toml",
        r#"julia --project -e 'using Pkg; Pkg.add(name="A", version="2.0")'"#,
    );
    check(
        "swift:github.com/a/b=1.0 in app/Package.resolved",
        r#".package(url: "https://github.com/a/b", from: "2.0")"#,
    );
}

#[test]
fn an_upgrade_clears_every_finding_on_the_branch_that_it_leads_to() {
    let check = |all: &[&str], expected: &str| {
        let all: Vec<_> =
            all.iter().map(|it| ("npm:a=1.0.0 in app/package-lock.json", *it)).collect();
        let plan = planned(System::default(), &all);
        assert_eq!(plan.actions[0].steps[0].target, expected, "{all:?}");
    };
    check(&["CVE-1 high 1.2.3: < 1.2.3 or >= 2.0.0, < 2.1.0"], "1.2.3");
    let branches = "CVE-1 high 1.2.3: < 1.2.3 or >= 2.0.0, < 2.1.0";
    check(&[branches, "CVE-2 high 1.4.0: < 1.4.0"], "1.4.0");
    check(&[branches, "CVE-2 high 2.0.5: < 2.0.5"], "2.1.0");
    let next = "CVE-3 high 1.1.0: < 1.1.0 or >= 2.1.0, < 2.1.7";
    check(&[next, branches, "CVE-2 high 2.0.5: < 2.0.5"], "2.1.7");
    // Where there is no way out, the finding's own fix is all that is known.
    check(&["CVE-1 high 1.2.3: < 1.2.3 or >= 2.0.0", "CVE-2 high 2.0.5: < 2.0.5"], "2.0.5");
}

#[test]
fn products_are_upgraded_with_their_parts() {
    let check = |all: &[(&str, &str)], expected: &[(&str, &str)]| {
        let plan = planned(System::default(), all);
        let show = |it: &Action| (show_one(it), it.by_hand.clone().unwrap_or_default());
        let shown: Vec<_> = plan.actions.iter().map(show).collect();
        let expected: Vec<_> =
            expected.iter().map(|it| (it.0.to_owned(), it.1.to_owned())).collect();
        assert_eq!(shown, expected, "{all:?}");
    };
    let tomcat = ("generic:tomcat=9.0.1 in opt/tomcat/lib/catalina.jar", "CVE-1 high 9.0.31");
    let words = |name: &str, version: &str| {
        format!(
            "upgrade {name} to {version}: build on an image that has it, or put it in the place of the old one"
        )
    };
    let part = "maven:org.apache.tomcat:tomcat-coyote=9.0.1 in opt/tomcat/lib/tomcat-coyote.jar";
    check(
        &[tomcat, (part, "CVE-2 high 9.0.99")],
        &[("product tomcat in opt/tomcat/lib removes 2 high", &words("tomcat", "9.0.99"))],
    );
    // What is no part of it, or lies elsewhere, is another matter.
    let other = "maven:org.apache.struts:struts2-core=2.3 in opt/tomcat/lib/struts.jar";
    check(
        &[tomcat, (other, "CVE-2 low 2.5")],
        &[
            ("product tomcat in opt/tomcat/lib removes 1 high", &words("tomcat", "9.0.31")),
            (
                "project org.apache.struts:struts2-core in opt/tomcat/lib/struts.jar removes 1 low",
                "put the newer archive in its place, or set the version where the application is built",
            ),
        ],
    );
    check(
        &[("maven:a:b=1 in srv/app.jar/BOOT-INF/lib/b.jar", "CVE-1 high 2")],
        &[(
            "project a:b in srv/app.jar removes 1 high",
            "set the version where the application is built, and build it anew",
        )],
    );
    check(
        &[
            ("generic:nginx=1.0 in usr/sbin/nginx", "CVE-1 high 1.2"),
            ("generic:redis=6.0 in usr/sbin/redis-server", "CVE-2 low 6.2"),
        ],
        &[
            ("product nginx in usr/sbin removes 1 high", &words("nginx", "1.2")),
            ("product redis in usr/sbin removes 1 low", &words("redis", "6.2")),
        ],
    );
    check(
        &[("golang:stdlib=1.21.0 in usr/bin/a", "CVE-1 high 1.21.5")],
        &[("program stdlib in usr/bin/a removes 1 high", "build it anew with Go 1.21.5 or newer")],
    );
    check(
        &[("golang:a.b/c=1.0.0 in src/go.mod", "CVE-1 high 1.1.0")],
        &[("project a.b/c in src removes 1 high", "")],
    );
}

fn show_one(it: &Action) -> String {
    let way = serde_json::to_value(it.way).unwrap();
    format!("{} {} in {} removes {}", way.as_str().unwrap(), it.what, it.place, counts(&it.removes))
}

#[test]
fn a_plan_is_summed_up_by_what_one_does() {
    let plan = planned(
        system("debian", "12"),
        &[
            ("deb:zlib1g=1 from zlib in var/lib/dpkg/status", "CVE-1 high 2"),
            ("deb:bash=1 in var/lib/dpkg/status", "CVE-2 low 2"),
            ("deb:libc6=1 from glibc in var/lib/dpkg/status.d/libc6", "CVE-3 low 2"),
            ("npm:a=1.0.0 in app/package-lock.json", "CVE-4 high 1.1.0"),
            ("generic:nginx=1.0 in usr/sbin/nginx", "CVE-5 high 1.2"),
        ],
    );
    let show = |it: &Sum| format!("{}: {}, {}", it.way.words(), it.actions, counts(&it.removes));
    assert_eq!(
        plan.ways.iter().map(show).collect::<Vec<_>>(),
        [
            "build on a newer base image: 1, 1 low",
            "upgrade packages of the distribution: 2, 1 high, 1 low",
            "upgrade products: 1, 1 high",
            "upgrade what projects and applications depend on: 1, 1 high",
        ]
    );
}

#[test]
fn it_says_whether_the_major_version_stays() {
    let check = |of: &str, fixed: &str, expected: Option<bool>| {
        let plan = planned(System::default(), &[(of, &format!("CVE-1 high {fixed}"))]);
        assert_eq!(plan.actions[0].same_major, expected, "{of} {fixed}");
    };
    check("npm:a=1.2.3", "1.9.0", Some(true));
    check("npm:a=1.2.3", "2.0.0", Some(false));
    check("cargo:a=0.1.9", "0.2.0", Some(false));
    check("cargo:a=0.1.9", "0.1.12", Some(true));
    check("deb:a=1:3.0.11-1", "1:3.0.13-1", Some(true));
    check("deb:a=0.8-1", "0.9-1", Some(true));
    check("golang:a=v1.0.0", "1.1.0", Some(true));
    check("generic:a=snapshot", "1", None);
}

#[test]
fn nothing_in_an_image_becomes_a_command() {
    let check = |of: &str, expected: &str| {
        let plan = planned(System::default(), &[(of, "CVE-1 high 2")]);
        assert_eq!(plan.actions[0].commands, [expected], "{of}");
    };
    check("npm:a;reboot=1", "npm install 'a;reboot@2'");
    check("npm:it's $(x)=1", "npm install 'it'\\''s $(x)@2'");
    check("nuget:a b=1", "dotnet add package 'a b' --version 2");
    check("npm:a'b=1 in yarn.lock", "npm pkg set 'resolutions[a'\\''b]=2' && yarn install");
    check(
        "maven:g:<a>&=1",
        "<dependency><groupId>g</groupId><artifactId>&lt;a>&amp;</artifactId><version>2</version></dependency>",
    );
}

#[test]
fn what_would_stand_in_a_program_and_is_no_word_has_no_command() {
    let plan = planned(System::default(), &[("cran:a\");system(\"x=1", "CVE-1 high 2")]);
    assert_eq!(plan.actions[0].commands, [""; 0]);
    assert!(plan.actions[0].by_hand.is_some());
}

#[test]
fn a_fix_that_needs_a_subscription_says_so() {
    let plan = planned(system("ubuntu", "20.04"), &[("deb:a=1", "CVE-1 high 2 Pro")]);
    assert_eq!(plan.actions[0].subscription.as_deref(), Some("Pro"));
    assert_eq!(planned(System::default(), &[]).actions.len(), 0);
}
