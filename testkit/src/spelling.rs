//! Ways to spell the same shell script differently, and to pack any file.
use crate::{
    image,
    tar::{file, tar},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::Crc;
use std::fmt::Write;

/// A way to spell the same script differently.
pub type Spelling = (&'static str, fn(&str) -> Vec<u8>);

/// Every way.
pub const SPELLINGS: [Spelling; 12] = [
    ("tabs", |it| each_line(it, |it| it.replace(' ', "\t"))),
    ("double blanks", |it| each_line(it, |it| it.replace(' ', "  "))),
    ("CRLF", |it| it.replace('\n', "\r\n").into_bytes()),
    ("quotes around words", |it| words(it, |it| format!("\"{it}\""))),
    ("quotes in words", |it| words(it, |it| format!("{}''{}", &it[..1], &it[1..]))),
    ("lines that go on", |it| words(it, |it| format!("{}\\\n{}", &it[..1], &it[1..]))),
    ("case of schemes", |it| {
        it.replace("http://", "HTTP://").replace("https://", "HTTPS://").into_bytes()
    }),
    ("comments", |it| {
        it.replace('\n', " # it's \"nothing\n# nor ` this\n")
            .replacen(" # it's \"nothing", "", 1)
            .into_bytes()
    }),
    ("variables", |it| {
        let mut names = String::new();
        let text = words(it, |word| {
            writeln!(names, "v_{word}='{word}'").unwrap();
            format!("${{v_{word}}}")
        });
        let text = String::from_utf8(text).unwrap();
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        format!("{first}\n{names}{rest}").into_bytes()
    }),
    ("base64", |it| STANDARD.encode(it).into_bytes()),
    ("gzip", |it| image::gzip(it.as_bytes())),
    ("UTF-16", |it| {
        [0xfeff].into_iter().chain(it.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    }),
];

/// A way to pack a file, which lies there under the name of the file: its name, whether it is for texts alone, and the way.
pub type Packing = (&'static str, bool, fn(&str, &[u8]) -> Vec<u8>);

/// Every way.
pub const PACKINGS: [Packing; 6] = [
    ("CRLF", true, |_, it| String::from_utf8_lossy(it).replace('\n', "\r\n").into_bytes()),
    ("UTF-16", true, |_, it| {
        let text = String::from_utf8_lossy(it);
        [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    }),
    ("gzip", false, |_, it| image::gzip(it)),
    ("tar", false, |path, it| tar(&[file(path, it)])),
    ("tar.gz", false, |path, it| image::gzip(&tar(&[file(path, it)]))),
    ("zip", false, |path, it| zip(path, it)),
];

/// A zip archive of one member that is not compressed (APPNOTE.TXT, 4.3).
pub fn zip(path: &str, bytes: &[u8]) -> Vec<u8> {
    let mut sum = Crc::new();
    sum.update(bytes);
    let number = |it: usize| u32::try_from(it).unwrap().to_le_bytes().to_vec();
    let name = u16::try_from(path.len()).unwrap().to_le_bytes().to_vec();
    let facts = [
        vec![0; 10],
        sum.sum().to_le_bytes().to_vec(),
        number(bytes.len()),
        number(bytes.len()),
        name,
        vec![0; 2],
    ]
    .concat();
    let local = [b"PK\x03\x04", &facts[..], path.as_bytes(), bytes].concat();
    let central = [b"PK\x01\x02\0\0", &facts[..], &[0; 14], path.as_bytes()].concat();
    let end = [
        b"PK\x05\x06\0\0\0\0\x01\0\x01\0".to_vec(),
        number(central.len()),
        number(local.len()),
        vec![0; 2],
    ]
    .concat();
    [local, central, end].concat()
}

/// Changes lines that are neither the first nor in a here-document.
fn each_line(text: &str, change: impl Fn(&str) -> String) -> Vec<u8> {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    format!("{first}\n{}", if rest.contains("<<") { rest.to_owned() } else { change(rest) })
        .into_bytes()
}

/// Changes programs where commands begin.
fn words(text: &str, mut change: impl FnMut(&str) -> String) -> Vec<u8> {
    const PROGRAMS: &[&str] = &[
        "curl", "wget", "bash", "nc", "ncat", "socat", "python3", "perl", "base64", "telnet",
        "mkfifo", "chmod", "masscan", "docker", "pkill", "useradd", "chattr", "nsenter", "env",
        "tar", "history",
    ];
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let mut made = format!("{first}\n");
    for line in rest.split_inclusive('\n') {
        let start = line.trim_start();
        let word: String = start.chars().take_while(|it| it.is_ascii_alphanumeric()).collect();
        let ends = start[word.len()..].starts_with(' ');
        if PROGRAMS.contains(&word.as_str()) && ends {
            made.push_str(&change(&word));
            made.push_str(&start[word.len()..]);
        } else {
            made.push_str(line);
        }
    }
    made.into_bytes()
}
