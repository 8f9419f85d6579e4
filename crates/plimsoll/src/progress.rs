//! Progress on a terminal; nothing in a pipe.
use crate::table::clean;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use scan::{Step, advisories::Work};
use std::{
    io::{IsTerminal, stderr},
    time::Duration,
};

/// A bar on standard error that goes when it is done.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar for what is called `name`, or one that is never seen.
    pub(crate) fn new(name: &str, quiet: bool) -> Progress {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if quiet || !stderr().is_terminal() {
            return Progress(bar);
        }
        bar.set_draw_target(ProgressDrawTarget::stderr());
        bar.set_prefix(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        let progress = Progress(bar);
        progress.of(None);
        progress
    }

    /// From here on it is of so many bytes.
    fn of(&self, bytes: Option<u64>) {
        let style = match bytes {
            Some(_) => "{spinner} {prefix}  {wide_bar} {binary_bytes} of {binary_total_bytes}",
            None => "{spinner} {prefix}  {binary_bytes}",
        };
        if let Ok(style) = ProgressStyle::with_template(style) {
            self.0.set_style(style);
        }
        bytes.map_or_else(|| self.0.unset_length(), |it| self.0.set_length(it));
    }

    /// Takes a step.
    pub(crate) fn step(&self, step: Step) {
        match step {
            Step::Begin { bytes, .. } => self.of(Some(bytes).filter(|it| *it > 0)),
            Step::Read(bytes) => self.0.inc(bytes),
            Step::Layer => {}
        }
    }

    /// Shows how work on advisories goes on.
    pub(crate) fn work(&self, work: &Work<'_>) {
        match work {
            Work::Begin(what, bytes) => {
                self.0.reset();
                self.0.set_prefix(clean(what));
                self.of(*bytes);
            }
            Work::Read(bytes) => self.0.inc(*bytes),
            Work::Fetched(_) => {}
        }
    }

    /// Writes a line to standard error, above the bar where there is one.
    pub(crate) fn say(&self, line: &str) {
        self.0.suspend(|| eprintln!("{line}"));
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        self.0.finish_and_clear();
    }
}
