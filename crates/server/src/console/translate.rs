//! What other crates say in English, in the reader's language: reasons of a coverage, the rule of a priority, why a source
//! failed. What the table does not know stays as it is.
use super::words::{Words, ZH};
use std::borrow::Cow;

/// English and Chinese; `{}` stands for what differs, in the same order in both.
#[rustfmt::skip]
const SENTENCES: &[(&str, &str)] = &[
    ("nothing says which distribution this is", "无法确定是哪个发行版"),
    ("unknown distribution {}", "未知的发行版：{}"),
    ("no feed in the database covers {}", "漏洞库中没有覆盖 {} 的数据源"),
    ("{} is past its end of life ({})", "{} 已停止维护（{}）"),
    ("no package database found", "未找到软件包数据库"),
    ("only the starter set of advisories is there", "仅有内置漏洞数据"),
    ("one thing could not be read", "有 1 处内容无法读取"),
    ("{} things could not be read", "有 {} 处内容无法读取"),
    ("the package is malware: {}", "软件包为恶意软件：{}"),
    ("critical severity {}", "严重等级“严重”计 {}"),
    ("high severity {}", "严重等级“高”计 {}"),
    ("medium severity {}", "严重等级“中”计 {}"),
    ("low severity {}", "严重等级“低”计 {}"),
    ("negligible severity {}", "严重等级“可忽略”计 {}"),
    ("unknown severity {}", "严重等级未知计 {}"),
    ("likely to be exploited (EPSS at least 50 %) {}", "很可能被利用（EPSS 不低于 50 %）{}"),
    ("may be exploited (EPSS at least 10 %) {}", "可能被利用（EPSS 不低于 10 %）{}"),
    ("fix available {}", "已有修复 {}"),
    ("known to be exploited: at least {}", "已知被利用：至少 {}"),
    ("by ransomware {}", "被勒索软件利用 {}"),
    ("not found: {}", "未找到：{}"),
    ("malformed: {}", "格式错误：{}"),
    ("not supported: {}", "不支持：{}"),
    ("no image for {}; there is one for {}", "没有适用于 {} 的镜像；现有：{}"),
    ("the content of {} hashes to {}", "{} 的内容摘要为 {}，不一致"),
    ("too large: {}", "过大：{}"),
    ("not allowed: {}", "没有权限：{}"),
    ("refused by a policy: {}", "被策略拒绝：{}"),
    ("{} asks to wait {} s before the next request", "{} 要求 {} 秒后再请求"),
    ("{} asks for fewer requests; wait, log in or use a mirror", "{} 要求减少请求：请稍候、登录或使用镜像站"),
    ("cannot reach {}", "无法连接 {}"),
    ("TLS with {}", "TLS 错误：{}"),
    ("settings: {}", "设置有误：{}"),
];

/// A sentence.
pub(crate) fn sentence<'a>(text: &'a str, w: &'static Words) -> Cow<'a, str> {
    let known = SENTENCES.iter().filter(|_| w.language == ZH.language);
    let mut fitting = known.filter_map(|(from, to)| Some((holes(from, text)?, to)));
    let Some((values, to)) = fitting.next() else { return Cow::Borrowed(text) };
    Cow::Owned(values.iter().fold(to.to_string(), |all, it| all.replacen("{}", it, 1)))
}

/// Several, with a comma in between.
pub(crate) fn sentences(text: &str, w: &'static Words) -> String {
    let all: Vec<Cow<'_, str>> = text.split(", ").map(|it| sentence(it, w)).collect();
    all.join(w.comma)
}

/// What stands where a pattern has `{}`, if the text is like it.
fn holes<'a>(pattern: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut parts = pattern.split("{}");
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut values = Vec::new();
    for part in parts {
        let end = if part.is_empty() { rest.len() } else { rest.find(part)? };
        let (value, after) = rest.split_at_checked(end)?;
        values.push(value);
        rest = after.strip_prefix(part)?;
    }
    rest.is_empty().then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::words::EN;
    use assess::priority;
    use model::{Enrichment, Epss, Exploited, Kind, Level, Namespace, Status, Uncovered};

    #[test]
    fn all_reasons_of_a_coverage_are_told_in_chinese() {
        let debian = || Namespace::new("Debian:7");
        let reasons = [
            Uncovered::UnknownDistribution(String::new()),
            Uncovered::UnknownDistribution("Strange 1".to_owned()),
            Uncovered::NoFeed(debian()),
            Uncovered::EndOfLife(debian(), jiff::civil::date(2018, 5, 31)),
            Uncovered::NoPackageDatabase,
            Uncovered::StarterSetOnly,
            Uncovered::Unread(1),
            Uncovered::Unread(7),
        ];
        for it in reasons {
            let english = it.to_string();
            assert_eq!(sentence(&english, &EN), english);
            let chinese = sentence(&english, &ZH);
            assert!(!chinese.is_ascii() && !chinese.contains("{}"), "{english}: {chinese}");
        }
        let ended = "Debian:7 is past its end of life (2018-05-31)";
        assert_eq!(sentence(ended, &ZH), "Debian:7 已停止维护（2018-05-31）");
        assert_eq!(sentence("something else", &ZH), "something else");
    }

    #[test]
    fn why_a_source_failed_is_told_in_chinese() {
        use registry::SourceError as E;
        let host = || "registry.example".to_owned();
        let after = Some(std::time::Duration::from_secs(7));
        let platform = |it: &str| model::Platform::parse(it).unwrap();
        let expected = model::Digest::parse(&format!("sha256:{}", "0".repeat(64))).unwrap();
        let failures = [
            E::NotFound(host()),
            E::Malformed(host()),
            E::Unsupported(host()),
            E::NoPlatform { wanted: platform("amd64"), available: vec![platform("arm64")] },
            E::DigestMismatch { expected, got: host() },
            E::TooLarge(host()),
            E::Unauthorized(host()),
            E::Refused(host()),
            E::RateLimited { host: host(), after },
            E::RateLimited { host: host(), after: None },
            E::Unreachable(host()),
            E::Tls(host()),
            E::Settings(host()),
        ];
        for it in failures {
            let english = it.to_string();
            assert_ne!(sentence(&english, &ZH), english);
        }
        let waits = "registry.example asks to wait 7 s before the next request";
        assert_eq!(sentence(waits, &ZH), "registry.example 要求 7 秒后再请求");
    }

    #[test]
    fn every_rule_of_a_priority_is_told_in_chinese() {
        let levels = [
            Level::Critical,
            Level::High,
            Level::Medium,
            Level::Low,
            Level::Negligible,
            Level::Unknown,
        ];
        for level in levels {
            for score in [0.0, 0.2, 0.9] {
                let exploited = Exploited { added: None, due: None, ransomware: score > 0.5 };
                let known = Enrichment {
                    epss: Some(Epss { day: None, score, percentile: score }),
                    exploited: (score > 0.1).then_some(exploited),
                    ..Enrichment::default()
                };
                let rule = priority(Kind::Vulnerability, level, Status::Fixed, &known).rule;
                assert_eq!(sentences(&rule, &EN), rule);
                let chinese = sentences(&rule, &ZH);
                let english = chinese.replace("EPSS", "");
                assert!(!english.contains(|it: char| it.is_ascii_alphabetic()), "{chinese}");
            }
        }
        let rule = "high severity 60, fix available +5";
        assert_eq!(sentences(rule, &ZH), "严重等级“高”计 60，已有修复 +5");
    }
}
