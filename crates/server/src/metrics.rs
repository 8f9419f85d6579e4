//! What Prometheus reads: counters, gauges and histograms in its text format (version 0.0.4).
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

/// Upper bounds of the buckets of a duration, in seconds.
const BOUNDS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// The methods that become labels: whoever asks may send any.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// What is counted while serving.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// By method, path template and status.
    requests: Mutex<BTreeMap<(&'static str, &'static str, u16), Histogram>>,
    pub(crate) connections: Gauge,
    pub(crate) refused_logins: AtomicU64,
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicI64);

/// One more, as long as it is kept.
pub(crate) struct Counted<'a>(&'a Gauge);

#[derive(Debug, Default)]
struct Histogram {
    buckets: [u64; BOUNDS.len()],
    count: u64,
    sum: f64,
}

/// Builds the text: families one after the other.
#[derive(Debug, Default)]
pub(crate) struct Text(String);

impl Gauge {
    pub(crate) fn count(&self) -> Counted<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Counted(self)
    }

    pub(crate) fn value(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    /// A request to `path`, a template and so one of few, was answered.
    pub(crate) fn answered(&self, method: &str, path: &'static str, status: u16, took: Duration) {
        let method = METHODS.iter().find(|it| **it == method).unwrap_or(&"other");
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.entry((method, path, status)).or_default().add(took.as_secs_f64());
    }

    pub(crate) fn write(&self, text: &mut Text) {
        text.family("plimsoll_build_info", "gauge", "The version that is running.");
        text.sample("plimsoll_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
        let name = "plimsoll_http_request_duration_seconds";
        text.family(name, "histogram", "From the head of a request to the head of its answer.");
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        for ((method, path, status), it) in &*requests {
            let status = status.to_string();
            it.write(text, name, &[("method", method), ("path", path), ("status", &status)]);
        }
        text.one(
            "plimsoll_http_connections",
            "gauge",
            "Open connections.",
            self.connections.value(),
        );
        let refused =
            i64::try_from(self.refused_logins.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
        text.one("plimsoll_logins_refused_total", "counter", "Logins that failed.", refused);
    }
}

impl Histogram {
    fn add(&mut self, value: f64) {
        for (bucket, bound) in self.buckets.iter_mut().zip(BOUNDS) {
            *bucket = bucket.saturating_add(u64::from(value <= bound));
        }
        self.count = self.count.saturating_add(1);
        self.sum += value;
    }

    fn write(&self, text: &mut Text, name: &str, labels: &[(&str, &str)]) {
        let bounds = BOUNDS.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
        let counts = self.buckets.iter().chain([&self.count]);
        for (bound, count) in bounds.zip(counts) {
            let labels: Vec<_> = labels.iter().copied().chain([("le", bound.as_str())]).collect();
            text.sample(&format!("{name}_bucket"), &labels, float(*count));
        }
        text.sample(&format!("{name}_sum"), labels, self.sum);
        text.sample(&format!("{name}_count"), labels, float(self.count));
    }
}

impl Text {
    /// Begins a family of samples.
    pub(crate) fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.0 += &format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// A sample of the family that was begun.
    pub(crate) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<_> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
        let labels =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        self.0 += &format!("{name}{labels} {value}\n");
    }

    /// A family of one sample without labels.
    pub(crate) fn one(&mut self, name: &str, kind: &str, help: &str, value: i64) {
        self.family(name, kind, help);
        self.0 += &format!("{name} {value}\n");
    }

    /// Adds families that were built apart.
    pub(crate) fn append(&mut self, more: Text) {
        self.0 += &more.0;
    }

    pub(crate) fn finish(self) -> String {
        self.0
    }
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Exact up to 2^53, as all numbers of Prometheus are.
pub(crate) fn float(count: u64) -> f64 {
    let high = u32::try_from(count >> 32).unwrap_or(u32::MAX);
    let low = u32::try_from(count & 0xffff_ffff).unwrap_or(u32::MAX);
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_labels_escaped() {
        let mut it = Histogram::default();
        for value in [0.001, 0.03, 100.0] {
            it.add(value);
        }
        let mut text = Text::default();
        it.write(&mut text, "x", &[("path", "/\"\n")]);
        let text = text.finish();
        for line in [
            "x_bucket{path=\"/\\\"\\n\",le=\"0.005\"} 1\n",
            "x_bucket{path=\"/\\\"\\n\",le=\"0.05\"} 2\n",
            "x_bucket{path=\"/\\\"\\n\",le=\"30\"} 2\n",
            "x_bucket{path=\"/\\\"\\n\",le=\"+Inf\"} 3\n",
            "x_count{path=\"/\\\"\\n\"} 3\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert_eq!(float(u64::from(u32::MAX) + 2), 4_294_967_297.0);
    }
}
