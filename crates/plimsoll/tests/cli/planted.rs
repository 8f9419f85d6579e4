//! Images in which something malicious was planted: `cargo xtask evaluate images` looks at all of them, this at every fourth.
use crate::place::Place;
use serde_json::Value;
use testkit::planted::{all, differences};

#[test]
fn what_is_planted_in_images_is_found_where_it_is() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for it in all().iter().step_by(4) {
        let place = Place::new();
        let layout = place.layout("image", &it.image);
        let ran = place.run(["scan", "--format", "json", "--platform", it.platform, &layout]);
        let report: Value =
            serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}", ran.err));
        wrong.extend(
            differences(&it.expected, &report).iter().map(|why| format!("{}: {why}", it.name)),
        );
        count += 1;
    }
    assert!(wrong.is_empty() && count >= 10, "{count}\n{}", wrong.join("\n"));
}
