//! What can be typed.
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use model::Platform;
use std::{ffi::OsString, path::PathBuf};

/// Image security: known vulnerabilities in container images, each with the reason.
#[derive(Debug, Parser)]
#[command(name = "plimsoll", version, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Scan an image and report its vulnerabilities
    Scan(ScanArguments),
    /// Say why a vulnerability is reported for an image
    Why(WhyArguments),
    /// Say why a vulnerability is not reported for an image
    WhyNot(WhyArguments),
    /// Look after the advisory database
    #[command(subcommand)]
    Db(DbCommand),
    /// Run the center: watch registries, scan, and answer by its API
    Serve(ServeArguments),
    /// Scan for a center whose PostgreSQL this machine shares
    Worker(CenterArguments),
    /// Write a center's database to a file, also while the center runs
    Backup(BackupArguments),
    /// Make a center's database of what `backup` wrote, while no center runs on it
    Restore(RestoreArguments),
    /// Ask a center: everything that its API can do
    #[command(disable_help_flag = true)]
    Center {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPERATION")]
        typed: Vec<OsString>,
    },
    /// Print a configuration file for `serve` and `worker` to begin with
    Config,
    /// Print what lets a shell complete command lines
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write manual pages
    Man {
        /// Where to: this directory
        directory: PathBuf,
    },
    #[command(hide = true, name = scan::worker::SUBCOMMAND)]
    InspectLayer,
}

#[derive(Args, Debug)]
pub(crate) struct Target {
    /// What to scan: a registry reference, a `docker save` archive or OCI layout (a file or
    /// directory, `-` for standard input), an SBOM (CycloneDX or SPDX JSON), or `dir:PATH` for a
    /// root file system. `registry:`, `archive:`, `oci:` and `sbom:` in front leave no doubt
    pub(crate) image: String,
    /// Platform to scan, such as linux/arm64; `all` for every one [default: this machine's]
    #[arg(long, value_name = "PLATFORM", value_parser = platform)]
    pub(crate) platform: Option<Choice>,
    /// How many layers to read at once [default: the number of processors, 3 at most]
    #[arg(long, value_name = "N")]
    pub(crate) parallel: Option<usize>,
    /// Give up on a layer when reading it makes no progress for so long
    #[arg(long, value_name = "SECONDS", default_value = "120")]
    pub(crate) stall_timeout: u64,
    /// Change a limit: layer-bytes, ratio, entries, file-bytes or memory-bytes of a layer; may be repeated.
    /// Whatever is over a limit is told as not seen
    #[arg(long, value_name = "NAME=N", value_parser = limit)]
    pub(crate) limit: Vec<(String, u64)>,
    /// Read every layer again, even those seen before
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Do not look for bills of materials and VEX that are attached to the image
    #[arg(long)]
    pub(crate) no_attached: bool,
    /// Do not look for malicious files
    #[arg(long)]
    pub(crate) no_malware: bool,
    /// Look for malicious files by these rules too, in the language of YARA: a file, or a folder of *.yar; may be repeated
    #[arg(long, value_name = "FILE|DIR", conflicts_with = "no_malware")]
    pub(crate) rules: Vec<PathBuf>,
    /// Take the files whose digests are in this list for malicious too: plain, or ClamAV's .hdb and .hsb; may be repeated
    #[arg(long, value_name = "FILE", conflicts_with = "no_malware")]
    pub(crate) hashes: Vec<PathBuf>,
    /// Believe what packages for RPM say of their files when they are signed with these public keys of OpenPGP; may be repeated
    #[arg(long, value_name = "FILE", conflicts_with = "no_malware")]
    pub(crate) keys: Vec<PathBuf>,
    /// Say what was known then, a day (2026-03-01) or a time (2026-03-01T12:00:00Z): findings published by then,
    /// with the exploitation and the ends of life of that day. Fixes, states and affected versions are those of
    /// today, what was withdrawn since is missing, and findings without a date may be younger
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) as_of: Option<Timestamp>,
    /// Show no progress
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Advisory database to use [default: the one of `plimsoll db`]
    #[arg(long, value_name = "FILE")]
    pub(crate) db: Option<PathBuf>,
    /// Ask this mirror first, host[:port][/path]; may be repeated
    #[arg(long, value_name = "HOST", help_heading = "Registry")]
    pub(crate) mirror: Vec<String>,
    #[command(flatten)]
    pub(crate) network: Network,
}

/// How a registry is reached. Credentials come from `docker login` unless they are given here.
#[derive(Args, Debug)]
#[command(next_help_heading = "Registry")]
pub(crate) struct Network {
    /// User name; the password comes from PLIMSOLL_PASSWORD in the environment
    #[arg(long, value_name = "NAME")]
    pub(crate) username: Option<String>,
    /// Read the password from standard input
    #[arg(long, requires = "username")]
    pub(crate) password_stdin: bool,
    /// Trust the certificate authorities in this PEM file too
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Client certificate, PEM
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// Key of the client certificate, PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Take any certificate: whoever stands in between can change what is scanned
    #[arg(long)]
    pub(crate) insecure: bool,
    /// Speak HTTP without TLS [default: only on this very machine]
    #[arg(long)]
    pub(crate) plain_http: bool,
    /// Requests per second, at most
    #[arg(long, value_name = "N")]
    pub(crate) rate: Option<u32>,
    #[command(flatten)]
    pub(crate) patience: Patience,
}

/// How long a server is waited for.
#[derive(Args, Debug)]
pub(crate) struct Patience {
    /// Give up on a request when the server lets nothing move for so long
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
    /// How often a request is sent before the server is given up, where it is out of reach or in trouble
    #[arg(long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) tries: u32,
}

fn limit(text: &str) -> Result<(String, u64), String> {
    let names = ["layer-bytes", "ratio", "entries", "file-bytes", "memory-bytes"];
    let (name, value) = text.split_once('=').ok_or("a limit is written NAME=N")?;
    if !names.contains(&name) {
        return Err(format!("there is no limit `{name}`; there are {}", names.join(", ")));
    }
    let value = value.parse().map_err(|_| format!("`{value}` is not a number"))?;
    Ok((name.to_owned(), value))
}

/// A time, or the end of a day as UTC has it.
fn moment(text: &str) -> Result<Timestamp, String> {
    let day =
        || text.parse::<Date>().ok()?.at(23, 59, 59, 999_999_999).to_zoned(TimeZone::UTC).ok();
    let moment = text.parse().ok().or_else(|| day().map(|it| it.timestamp()));
    let moment = moment.ok_or("a time is written 2026-03-01 or 2026-03-01T12:00:00Z")?;
    if moment.to_zoned(TimeZone::UTC).date() > crate::scan::today() {
        return Err("it is yet to come".to_owned());
    }
    Ok(moment)
}

/// A choice of platforms.
#[derive(Clone, Debug)]
pub(crate) enum Choice {
    All,
    One(Platform),
}

fn platform(text: &str) -> Result<Choice, String> {
    match text {
        "all" => Ok(Choice::All),
        _ => Platform::parse(text)
            .map(Choice::One)
            .ok_or_else(|| "a platform is written os/architecture[/variant], or `all`".to_owned()),
    }
}

#[derive(Args, Debug)]
pub(crate) struct ScanArguments {
    /// How to show the result
    #[arg(long, short, value_enum, default_value = "table")]
    pub(crate) format: ReportFormat,
    /// Write the result to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Exit with 1 when there is a finding of this severity or a higher one
    #[arg(long, value_name = "SEVERITY", value_enum)]
    pub(crate) fail_on: Option<Severity>,
    /// Exit with 1 when the coverage is this or worse: what could not be seen may not be clean
    #[arg(long, value_name = "COVERAGE", value_enum)]
    pub(crate) fail_on_coverage: Option<Coverage>,
    /// Leave out what has no fix
    #[arg(long)]
    pub(crate) ignore_unfixed: bool,
    /// Findings that somebody has accepted, with a reason and an end
    /// [default: plimsoll-ignore.toml, where there is one]
    #[arg(long, value_name = "FILE")]
    pub(crate) ignore_file: Option<PathBuf>,
    /// VEX document (OpenVEX, CSAF or CycloneDX) whose statements on the image or on packages are applied; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) vex: Vec<PathBuf>,
    /// Apply the VEX documents that are attached to the image too: whoever may push to its
    /// repository may then decide what counts, since no signature is verified
    #[arg(long, conflicts_with = "no_attached")]
    pub(crate) attached_vex: bool,
    // Last, since its heading would stand over what follows.
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Args, Debug)]
pub(crate) struct WhyArguments {
    /// The vulnerability, such as CVE-2024-3094
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
}

/// How a report is shown.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people: the worst first, and what to do
    Table,
    /// Everything, by a published schema
    Json,
    /// Bill of materials with vulnerabilities: CycloneDX 1.6, JSON
    #[value(name = "cyclonedx")]
    CycloneDx,
    /// Bill of materials: SPDX 2.3, JSON
    Spdx,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// JUnit's XML, for CI servers
    Junit,
    /// GitLab's container scanning report
    Gitlab,
    /// For comments and summaries of jobs
    Markdown,
    /// A page of its own, without scripts
    Html,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Severity {
    Critical,
    High,
    Medium,
    Low,
    Negligible,
    Unknown,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Coverage {
    Partial,
    Unknown,
}

#[derive(Args, Debug)]
pub(crate) struct ServeArguments {
    /// Where to answer [default: 127.0.0.1:8480]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<String>,
    /// Show what it is like, without a registry and without a network: with a few images that are made up, in a data
    /// directory that goes with it unless --data-dir names one
    #[arg(long, conflicts_with = "database_url")]
    pub(crate) demo: bool,
    #[command(flatten)]
    pub(crate) center: CenterArguments,
}

#[derive(Args, Debug)]
pub(crate) struct CenterArguments {
    /// Configuration, TOML; `plimsoll config` prints one to begin with. Each key can also be in the environment
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where the database, the keys and the advisories are [default: $XDG_DATA_HOME/plimsoll]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// PostgreSQL that several machines share: postgres://user:password@host/database. Who may list processes sees what
    /// is typed here; the configuration keeps it [default: SQLite in the data directory]
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct BackupArguments {
    /// The file; one of that name is replaced
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) center: CenterArguments,
}

#[derive(Args, Debug)]
pub(crate) struct RestoreArguments {
    /// What `backup` wrote
    pub(crate) file: PathBuf,
    /// Put it in the place of the database that is there
    #[arg(long)]
    pub(crate) replace: bool,
    #[command(flatten)]
    pub(crate) center: CenterArguments,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Say which database is in use, what it holds and how old that is
    Status {
        /// How to show it
        #[arg(long, short, value_enum, default_value = "table")]
        format: Format,
    },
    /// Fetch what the feeds have that is new, and compile the database anew
    Update(UpdateArguments),
    /// Bring in documents of feeds, or a compiled database, for machines without internet
    Import(ImportArguments),
    /// Write the database in use to a file, which `db import` takes on another machine
    Export {
        /// The file
        file: PathBuf,
    },
    /// Push the database in use to a registry of your own, from which other machines pull it
    Push(ArtifactArguments),
    /// Pull a database that was pushed, and use it once all of it is there and verified
    Pull(ArtifactArguments),
    /// Derive advisories from the changelogs in a Debian mirror, for `db import --feed debian-changelogs`
    Derive(DeriveArguments),
    /// Read the whole database and hold it against its hashes
    Verify,
    /// Look after the bundle of rules and lists against malicious files that is used besides those built in
    #[command(subcommand)]
    Malware(MalwareCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum MalwareCommand {
    /// Say which bundle is in use, what it holds, how old it is and who signed it
    Status {
        /// How to show it
        #[arg(long, short, value_enum, default_value = "table")]
        format: Format,
    },
    /// Use a bundle: one that is signed by somebody known, is newer than the one in use, and whose rules can all be used
    Import {
        /// The bundle
        file: PathBuf,
        #[command(flatten)]
        trust: TrustArguments,
    },
    /// Fetch a bundle and use it, as `import` does
    Update {
        /// Where it is
        #[arg(value_name = "URL")]
        url: String,
        #[command(flatten)]
        trust: TrustArguments,
        #[command(flatten)]
        patience: Patience,
    },
    /// Go back to the bundle before the one in use; the last three are kept
    Rollback {
        /// The one of what distributions publish, and not that of rules
        #[arg(long)]
        packages: bool,
    },
    /// Make a bundle of a folder with rules/<set>/*.yar, hashes/bad/*, hashes/good/* and packages/bad/*
    Build(BuildArguments),
    /// Make a bundle of what distributions publish, of folders with their packages: then forged package databases are
    /// found in images
    Published(PublishedArguments),
    /// Make a key to sign bundles with, and its public key in FILE.pub, which `import --key` takes elsewhere
    Keygen {
        /// Where the private key goes; nothing is replaced
        file: PathBuf,
    },
}

/// Whose bundles are taken.
#[derive(Args, Debug)]
pub(crate) struct TrustArguments {
    /// Believe whoever has this key, from now on: a public Ed25519 key, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Take it whoever signed it, or nobody: whoever can change the file decides what is found
    #[arg(long, conflicts_with = "key")]
    pub(crate) unverified: bool,
}

#[derive(Args, Debug)]
pub(crate) struct PublishedArguments {
    /// The distribution, as its os-release has it under `ID` (debian, alpine, fedora), and a folder that holds its packages
    /// (*.deb, *.apk, *.rpm), in folders too; may be repeated
    #[arg(long, value_name = "ID=DIR", required = true, value_parser = distribution)]
    pub(crate) from: Vec<(String, PathBuf)>,
    /// Add the digest of each file, too: copies of it are known wherever they lie. Takes 16 bytes a file
    #[arg(long)]
    pub(crate) files: bool,
    #[command(flatten)]
    pub(crate) out: OutArguments,
}

#[derive(Args, Debug)]
pub(crate) struct BuildArguments {
    /// The folder
    #[arg(long, value_name = "DIR")]
    pub(crate) from: PathBuf,
    #[command(flatten)]
    pub(crate) out: OutArguments,
    /// Use it instead of this set of the rules that are built in; may be repeated
    #[arg(long, value_name = "SET")]
    pub(crate) replaces: Vec<String>,
}

/// Where a bundle goes that is made, and whose it is.
#[derive(Args, Debug)]
pub(crate) struct OutArguments {
    /// The private key to sign it with: Ed25519, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) sign: PathBuf,
    /// Where to write it
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Its epoch, which is greater in each bundle than in the one before [default: the time, in seconds]
    #[arg(long, value_name = "N")]
    pub(crate) epoch: Option<u64>,
    /// Who makes it, for people
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) publisher: String,
}

fn distribution(text: &str) -> Result<(String, PathBuf), String> {
    let (id, folder) = text.split_once('=').ok_or("it has the form ID=DIR")?;
    // As os-release(5) says of `ID`.
    let plain = |it: char| it.is_ascii_alphanumeric() || "._-".contains(it);
    if id.is_empty() || !id.chars().all(plain) {
        return Err(format!("`{id}` is no ID of a distribution"));
    }
    Ok((id.to_owned(), folder.into()))
}

#[derive(Args, Debug)]
pub(crate) struct UpdateArguments {
    /// Only this feed; may be repeated [default: those that `db status` shows as on]
    #[arg(long, value_name = "NAME")]
    pub(crate) feed: Vec<String>,
    /// Do not fetch this feed, and leave it out of the database; its documents stay. May be repeated, and is to
    /// be said each time
    #[arg(long, value_name = "NAME")]
    pub(crate) without: Vec<String>,
    /// Fetch a feed from here instead: NAME=URL; may be repeated
    #[arg(long, value_name = "NAME=URL")]
    pub(crate) place: Vec<String>,
    /// Fetch all feeds from this mirror, which has URL/HOST/PATH for each address, as `wget -x` lays
    /// it out; --place goes before it
    #[arg(long, value_name = "URL")]
    pub(crate) from: Option<String>,
    #[command(flatten)]
    pub(crate) patience: Patience,
    /// Use the result even when a feed has lost half of what it said or is partly broken
    #[arg(long)]
    pub(crate) force: bool,
    /// Show no progress
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ImportArguments {
    /// Files or folders: a folder named after a feed holds documents of that feed, zipped, packed or as
    /// they are; or one compiled database
    #[arg(required = true)]
    pub(crate) path: Vec<PathBuf>,
    /// The feed that the documents are of
    #[arg(long, value_name = "NAME")]
    pub(crate) feed: Option<String>,
    /// Leave this feed out of the database, debian-changelogs and with it the starter set too; its documents stay.
    /// May be repeated, and is to be said each time
    #[arg(long, value_name = "NAME")]
    pub(crate) without: Vec<String>,
    /// Use the result even when a feed has lost half of what it said or is partly broken, or a compiled database is older than the one in
    /// use
    #[arg(long)]
    pub(crate) force: bool,
    /// Show no progress
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ArtifactArguments {
    /// Where it is kept: registry/repository[:tag], for pulling also @digest, which nobody can change.
    /// Whoever may push there decides what pulling machines find: no signature is verified
    pub(crate) reference: String,
    /// Show no progress
    #[arg(long, short)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) network: Network,
}

#[derive(Args, Debug)]
pub(crate) struct DeriveArguments {
    /// The mirror: an address such as https://deb.debian.org/debian, or a directory
    #[arg(long, value_name = "URL|DIR")]
    pub(crate) mirror: String,
    /// The mirror of the security updates [default: the same with `-security` behind it]
    #[arg(long, value_name = "URL|DIR")]
    pub(crate) security_mirror: Option<String>,
    /// A stable release; may be repeated
    #[arg(long, value_name = "NAME", default_values = ["bullseye", "bookworm", "trixie"])]
    pub(crate) suite: Vec<String>,
    #[command(flatten)]
    pub(crate) patience: Patience,
    /// Where to write what was derived, a record a line
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
}
