//! `plimsoll scan`: from what was typed to a report and an exit code.
use crate::{
    advisories,
    args::{Coverage, ScanArguments, Severity, Target},
    bundles, formats,
    ignore::{self, Rules},
    places,
    progress::Progress,
    table::{self, Paint},
    target::{self, Opened},
    vex,
};
use assess::{Database, When, vex::Vex};
use inspect::{Fault, Limits};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use model::{
    Gap, Grade, Image, Level, Located, Reason,
    report::{Findings, ImageReport, Report, SCHEMA},
};
use registry::{Source, SourceError};
use scan::{Attached, Cache, Inspection, Scanned, Scanner};
use std::{
    env, fs,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    thread,
    time::Duration,
};

/// Scans and reports; the exit code is that of a gate.
pub(crate) fn run(arguments: &ScanArguments) -> Result<ExitCode, String> {
    let when = when(&arguments.target);
    let rules = rules(arguments)?;
    for it in rules.expired(when.day()) {
        eprintln!("plimsoll: the rule for {it} has ended and no longer counts");
    }
    let local = vex::read(&arguments.vex)?;
    let database = advisories::open(&arguments.target)?;
    let scanned = scan(&arguments.target)?;
    let mut images = Vec::new();
    for it in scanned {
        images.push(assess(it, &database, (&rules, &local), when, arguments)?);
    }
    let report = Report {
        schema: SCHEMA,
        tool: concat!("plimsoll ", env!("CARGO_PKG_VERSION")).to_owned(),
        created: now().to_string(),
        as_of: arguments.target.as_of.map(|it| advisories::as_of(it, &database)),
        database: advisories::facts(&database),
        images,
    };
    write(&report, arguments)?;
    let failed = report.images.iter().any(|it| fails(it, arguments));
    Ok(ExitCode::from(u8::from(failed)))
}

/// The images that were asked for, and what they contain.
pub(crate) fn scan(target: &Target) -> Result<Vec<Scanned>, String> {
    let limits = limits(target);
    let progress = Progress::new(&table::clean(&target.image), target.quiet);
    let spool = env::temp_dir();
    let own = bundles::own(target)?;
    let (mut used, packages) = match target.no_malware {
        true => Default::default(),
        false => bundles::in_use(&places::data())?,
    };
    used.extend(own.iter().map(|it| it.named.clone()));
    let inspection = Inspection {
        program: program(),
        limits,
        malware: !target.no_malware,
        bundles: used,
        packages,
        spool,
        stall: Duration::from_secs(target.stall_timeout),
        stop: Arc::default(),
    };
    let cache = Cache::new(&places::cache(), &inspection.revision());
    let step = |it| progress.step(it);
    let scanner = Scanner {
        inspection,
        cache: (!target.no_cache).then_some(cache),
        parallel: target.parallel.unwrap_or_else(|| {
            // Each takes two processors, and 65 MiB when its layer has three million files.
            thread::available_parallelism().map_or(2, |it| it.get().min(3))
        }),
        attached: !target.no_attached,
        progress: &step,
    };
    let scanned = match target::open(target)? {
        Opened::Source(source) => all(&scanner, &*source),
        Opened::Directory(directory) => all(&scanner, &directory).map(|mut scanned| {
            let gaps = directory.problems().into_iter().map(|(path, why)| Located {
                what: Gap::new("directory", Reason::Malformed(why)),
                path: Some(path),
                layer: 0,
                by: "directory".to_owned(),
                system: None,
            });
            scanned.iter_mut().take(1).for_each(|it| it.inventory.gaps.extend(gaps.clone()));
            scanned
        }),
        Opened::Stream(stream) => {
            let choice = target::choice(&target.image).1;
            scanner.scan_stream(stream, choice, &target::platform(target))
        }
        Opened::Sbom(bytes) => bill(&bytes),
    };
    progress.end();
    if let Some(cache) = &scanner.cache {
        // A cache that can't be trimmed is a nuisance for later, not for this result.
        drop(cache.trim());
    }
    let mut scanned = scanned.map_err(|err| format!("{}: {err}", target.image))?;
    // One image is called what the user calls it; several need the names that tell them apart.
    if let [one] = scanned.as_mut_slice() {
        one.image.name.clone_from(&target.image);
    }
    Ok(scanned)
}

/// A bill of materials says what there is; no layer is read.
fn bill(bytes: &[u8]) -> Result<Vec<Scanned>, SourceError> {
    let inventory = catalog::sbom::parse(bytes).map_err(|err| match err {
        Fault::Malformed(it) => SourceError::Malformed(it.0.into_owned()),
        other => SourceError::Unsupported(other.to_string()),
    })?;
    let (image, layers, missing_walls) = (Image::default(), Vec::new(), Vec::new());
    let (attached, packages) = (Attached::default(), Arc::default());
    Ok(vec![Scanned { image, inventory, layers, missing_walls, attached, packages }])
}

fn limits(target: &Target) -> Limits {
    let mut limits = Limits::default();
    for (name, value) in &target.limit {
        match name.as_str() {
            "layer-bytes" => limits.layer_bytes = *value,
            "ratio" => limits.ratio = *value,
            "entries" => limits.entries = *value,
            "file-bytes" => limits.file_bytes = *value,
            _ => limits.memory_bytes = *value,
        }
    }
    limits
}

fn all(scanner: &Scanner<'_>, source: &dyn Source) -> Result<Vec<Scanned>, SourceError> {
    source.images()?.into_iter().map(|it| scanner.scan(source, it)).collect()
}

/// This very program, to be run again for each layer.
pub(crate) fn program() -> Option<PathBuf> {
    // The file may have been replaced while we run; the link still leads to what runs.
    let own = PathBuf::from("/proc/self/exe");
    if own.exists() { Some(own) } else { env::current_exe().ok() }
}

/// What the image means then.
fn assess(
    scanned: Scanned,
    database: &Database,
    (rules, local): (&Rules, &[Vex]),
    when: When,
    arguments: &ScanArguments,
) -> Result<ImageReport, String> {
    let mut assessment = assess::assess(&scanned.inventory, database, when)
        .map_err(|err| format!("the advisory database: {err}"))?;
    let (spoken, attached) = vex::apply(&scanned, &mut assessment, local, arguments.attached_vex);
    if arguments.ignore_unfixed {
        assessment.findings.retain(|it| it.fixed.is_some());
    }
    let malicious = malware::verdicts(&scanned.inventory, &scanned.image.config, &scanned.packages);
    let what = Findings {
        image: &scanned.image,
        layers: &scanned.layers,
        malicious: &malicious,
        inventory: scanned.inventory,
        assessment: &assessment,
        missing_walls: &scanned.missing_walls,
        attached: &attached,
    };
    let handled = |finding: &_, component: &_| {
        let own = rules.handle(finding, component, when.day());
        own.or_else(|| spoken.get(&(finding.component, finding.id.clone())).cloned())
    };
    Ok(ImageReport::new(what, handled, |sample| rules.accept(sample, when.day())))
}

/// When to say what was known.
pub(crate) fn when(target: &Target) -> When {
    target.as_of.map_or_else(|| When::Today(today()), When::AsOf)
}

/// To the second, which is as much as some formats take.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

pub(crate) fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

fn rules(arguments: &ScanArguments) -> Result<Rules, String> {
    match &arguments.ignore_file {
        Some(path) => Rules::read(path),
        None if Path::new(ignore::DEFAULT).exists() => Rules::read(Path::new(ignore::DEFAULT)),
        None => Ok(Rules::default()),
    }
}

fn write(report: &Report, arguments: &ScanArguments) -> Result<(), String> {
    let to_terminal = arguments.output.is_none() && io::stdout().is_terminal();
    let colour = to_terminal && env::var_os("NO_COLOR").is_none_or(|it| it.is_empty());
    let show = |output: &mut dyn Write| {
        // As it is made: of an image with very many components it is long.
        let mut output = io::BufWriter::new(output);
        formats::write(report, arguments.format, Paint(colour), &mut output)?;
        output.flush()
    };
    if let Some(one) = formats::only_one(arguments.format).filter(|_| report.images.len() > 1) {
        return Err(format!("{one} is about one image; choose a --platform"));
    }
    match &arguments.output {
        Some(path) => fs::File::create(path)
            .and_then(|mut file| show(&mut file))
            .map_err(|err| format!("{}: {err}", path.display())),
        None => print_by(show),
    }
}

/// Writes to standard output; whoever reads it may go away before the end.
pub(crate) fn print(text: &str) -> Result<(), String> {
    print_by(|output| output.write_all(text.as_bytes()))
}

fn print_by(show: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), String> {
    let mut output = io::stdout().lock();
    match show(&mut output).and_then(|()| output.flush()) {
        Err(err) if err.kind() != io::ErrorKind::BrokenPipe => Err(format!("output: {err}")),
        _ => Ok(()),
    }
}

/// Whether an image does not get through the gate.
fn fails(image: &ImageReport, arguments: &ScanArguments) -> bool {
    let level = arguments.fail_on.map(|it| match it {
        Severity::Critical => Level::Critical,
        Severity::High => Level::High,
        Severity::Medium => Level::Medium,
        Severity::Low => Level::Low,
        Severity::Negligible => Level::Negligible,
        Severity::Unknown => Level::Unknown,
    });
    let grade = arguments.fail_on_coverage.map(|it| match it {
        Coverage::Partial => Grade::Partial,
        Coverage::Unknown => Grade::Unknown,
    });
    level.is_some_and(|level| image.worst().is_some_and(|it| it >= level))
        || grade.is_some_and(|grade| image.coverage.grade >= grade)
}
