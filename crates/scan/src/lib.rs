//! Doing it: the pipeline from a reference to a report.
