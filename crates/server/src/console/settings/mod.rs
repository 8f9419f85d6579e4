//! Settings: one page for each matter, under one row of tabs.
mod actions;
pub(super) mod advisories;
pub(super) mod audit;
pub(super) mod exceptions;
pub(super) mod notifications;
pub(super) mod people;
pub(super) mod quota;
pub(super) mod rules;
pub(super) mod scan;
pub(super) mod scope;
pub(super) mod tokens;

use super::Frame;

impl Frame {
    /// The tabs of the settings: paths and names, as far as whoever looks may open them.
    pub(crate) fn settings(&self) -> Vec<(&'static str, &'static str)> {
        let w = self.w;
        let mut tabs = vec![
            ("/settings", w.scan_settings),
            ("/settings/advisories", w.advisories),
            ("/settings/rules", w.malware_rules),
            ("/settings/exceptions", w.exceptions),
        ];
        if self.administers() {
            tabs.push(("/settings/notifications", w.notifications));
            tabs.push(("/settings/people", w.people));
        }
        tabs.push(("/settings/tokens", w.tokens));
        if self.administers() {
            tabs.push(("/settings/audit", w.audit_log));
        }
        tabs
    }
}
