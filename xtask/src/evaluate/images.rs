//! Images in which something was planted: whether the program says what it is, where it is, whether it can be seen, what
//! starts it and whose it is, and nothing of anything else.
use super::{Outcome, after};
use crate::measure::plimsoll;
use inspect::{Limits, inspect_layer};
use model::ImagePath;
use serde_json::{Value, json};
use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use testkit::{
    archive,
    image::{self, Blob, BuiltImage, sha256},
    planted::{self, Planted, differences},
    tar::tar,
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// `evaluate images`.
pub(super) fn images(args: &[String]) -> Outcome {
    let program = plimsoll(Path::new(ROOT))?;
    let mut all = planted::all();
    for layout in after(args, "--images").map(layouts).transpose()?.unwrap_or_default() {
        all.extend(on_top_of(&layout)?);
    }
    let place = tempfile::tempdir()?;
    let mut right = 0;
    for it in &all {
        let layout = place.path().join("layout");
        archive::write(&archive::layout(&it.image, "v1"), &layout);
        let wrong = differences(&it.expected, &report(&program, &layout, it.platform)?);
        fs::remove_dir_all(&layout)?;
        right += usize::from(wrong.is_empty());
        println!("{} {}", if wrong.is_empty() { "right" } else { "WRONG" }, it.name);
        wrong.iter().for_each(|it| println!("      {it}"));
    }
    println!("{right} of {} right (bar: all, and 40)", all.len());
    Ok(right == all.len() && right >= 40)
}

fn report(program: &Path, layout: &Path, platform: &str) -> Result<Value, Box<dyn Error>> {
    let home = tempfile::tempdir()?;
    let mut command = Command::new(program);
    command.args(["scan", "--no-cache", "--quiet", "--format", "json", "--platform", platform]);
    command.arg(format!("oci:{}", layout.display()));
    command.env_clear().env("HOME", home.path()).env("PLIMSOLL_DATA_DIR", home.path());
    let output = command.output()?;
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    serde_json::from_slice(&output.stdout).map_err(|err| format!("{err}: {}", said()).into())
}

fn layouts(folder: String) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut all: Vec<PathBuf> = fs::read_dir(&folder)
        .map_err(|err| format!("{folder}: {err}"))?
        .map(|it| it.map(|it| it.path()))
        .collect::<Result<_, _>>()?;
    all.push(folder.into());
    all.retain(|it| it.join("oci-layout").exists());
    all.sort();
    Ok(all)
}

/// The same things planted in a real image, and the image as it is.
fn on_top_of(layout: &Path) -> Result<Vec<Planted>, Box<dyn Error>> {
    let name = |it: &str| -> &'static str {
        let real = layout.file_name().unwrap_or_default().to_string_lossy();
        Box::leak(format!("{it}, on {real}").into_boxed_str())
    };
    let base = Base::read(layout)?;
    let mut all = vec![Planted {
        name: name("clean"),
        image: base.with(&[])?,
        platform: base.platform,
        expected: Vec::new(),
    }];
    for it in planted::on_any(base.layers(), &base.bin()?) {
        let tars: Vec<Vec<u8>> = it.layers.iter().map(|it| tar(it)).collect();
        let (name, image) = (name(it.name), base.with(&tars)?);
        all.push(Planted { name, image, platform: base.platform, expected: it.expected });
    }
    Ok(all)
}

/// An image as it lies in a layout.
struct Base {
    config: Value,
    blobs: Vec<Blob>,
    platform: &'static str,
}

impl Base {
    fn read(layout: &Path) -> Result<Base, Box<dyn Error>> {
        let bytes = |it: &Value| {
            let digest = it["digest"].as_str().unwrap_or_default();
            fs::read(layout.join("blobs").join(digest.replace(':', "/")))
        };
        let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json"))?)?;
        let manifest: Value = serde_json::from_slice(&bytes(&index["manifests"][0])?)?;
        let config: Value = serde_json::from_slice(&bytes(&manifest["config"])?)?;
        let listed = manifest["layers"].as_array().into_iter().flatten();
        let blob = |it: &Value| {
            let kind = it["mediaType"].as_str().unwrap_or(image::LAYER_GZIP);
            Ok::<_, Box<dyn Error>>(Blob::new(kind, bytes(it)?))
        };
        let blobs = listed.map(blob).collect::<Result<_, _>>()?;
        let word = |it: &str| config[it].as_str().unwrap_or_default().to_owned();
        let platform = format!("{}/{}", word("os"), word("architecture"));
        Ok(Base { config, blobs, platform: Box::leak(platform.into_boxed_str()) })
    }

    fn layers(&self) -> usize {
        self.blobs.len()
    }

    /// Where `/bin` is: it may be a link.
    fn bin(&self) -> Result<String, Box<dyn Error>> {
        let bin = ImagePath::default().link("bin");
        for it in &self.blobs {
            let report = inspect_layer(&it.bytes[..], &|_| Vec::new(), &Limits::default(), None)?;
            if let Some(target) = report.links.get(&bin) {
                return Ok(bin.link(target).to_string());
            }
        }
        Ok(bin.to_string())
    }

    fn with(&self, tars: &[Vec<u8>]) -> Result<BuiltImage, Box<dyn Error>> {
        let mut config = self.config.clone();
        let ids = config["rootfs"]["diff_ids"].as_array_mut().ok_or("no diff_ids")?;
        ids.extend(tars.iter().map(|it| json!(sha256(it).to_string())));
        if let Some(history) = config["history"].as_array_mut() {
            history.extend(tars.iter().map(|_| json!({"created_by": "planted"})));
        }
        let more = tars.iter().map(|it| Blob::new(image::LAYER_GZIP, image::gzip(it)));
        let layers: Vec<Blob> = self.blobs.iter().cloned().chain(more).collect();
        let config = Blob::new(image::CONFIG, config.to_string());
        let listed: Vec<Value> = layers.iter().map(Blob::descriptor).collect();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": image::MANIFEST, "config": config.descriptor(),
            "layers": listed,
        });
        let manifest = Blob::new(image::MANIFEST, manifest.to_string());
        let blobs = [vec![config], layers].concat();
        Ok(BuiltImage { manifest, platform: None, blobs, children: Vec::new() })
    }
}
