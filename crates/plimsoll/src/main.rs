//! The command line: arguments, configuration, wiring.
mod args;
mod target;

use args::{Arguments, Command};
use clap::Parser;
use inspect::{Inspector, Limits};
use scan::{Cache, Inspection, Scanner, worker};
use std::{env, process::ExitCode, sync::LazyLock, time::Duration};

static INSPECTORS: LazyLock<Vec<&'static dyn Inspector>> = LazyLock::new(scan::inspectors);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        Command::InspectLayer => worker::main(env::var(worker::TASK).ok().as_deref(), &INSPECTORS),
        Command::Scan(it) => {
            let limits = Limits::default();
            let home = env::var("HOME").unwrap_or_default();
            let cache = std::path::Path::new(&home).join(".cache/plimsoll");
            let scanner = Scanner {
                inspection: Inspection {
                    program: env::current_exe().ok(),
                    limits,
                    spool: env::temp_dir(),
                    stall: Duration::from_secs(120),
                },
                inspectors: &INSPECTORS,
                cache: (!it.target.no_cache).then(|| Cache::new(&cache, &scan::revision(&limits))),
                parallel: it.target.parallel.unwrap_or(2),
                progress: &|_| {},
            };
            let opened = target::open(&it.target, &INSPECTORS);
            let scanned = match opened {
                Err(err) => {
                    eprintln!("plimsoll: {err}");
                    return ExitCode::from(2);
                }
                Ok(target::Opened::Source(source)) => source.images().and_then(|images| {
                    images
                        .into_iter()
                        .map(|it| scanner.scan(&*source, it))
                        .collect::<Result<Vec<_>, _>>()
                }),
                Ok(target::Opened::Directory(source)) => {
                    use registry::Source;
                    source.images().and_then(|images| {
                        images
                            .into_iter()
                            .map(|it| scanner.scan(&source, it))
                            .collect::<Result<Vec<_>, _>>()
                    })
                }
                Ok(target::Opened::Stream(stream)) => {
                    scanner.scan_stream(stream, None, &target::platform(&it.target))
                }
                Ok(target::Opened::Sbom(_)) => return ExitCode::from(2),
            };
            match scanned {
                Ok(scanned) => {
                    for it in scanned {
                        println!("{} {:?} {:?}", it.image.name, it.layers, it.missing_walls);
                        println!("{:?}", it.inventory.systems);
                        println!(
                            "{} components, {:?}",
                            it.inventory.components.len(),
                            it.inventory.executables
                        );
                        for gap in it.inventory.gaps {
                            println!("gap {:?} {}", gap.path, gap.what);
                        }
                    }
                    ExitCode::SUCCESS
                }
                Err(err) => {
                    eprintln!("plimsoll: {err}");
                    ExitCode::from(2)
                }
            }
        }
        _ => ExitCode::from(2),
    }
}
