//! What lies within a product, is a part of it and has its version is the product's: Tomcat and its archives are one
//! thing. What has another version has advisories of its own, which must not be lost.
use model::{Component, Located, Presence, Product};
use std::collections::{BTreeMap, HashMap};

/// Directories of a product in which the file may lie that tells it.
const INNER: &[&str] =
    &["WEB-INF", "bin", "dist", "lib", "libs", "main", "oap-libs", "server", "target"];

/// Marks the components that are parts of others, which are products.
pub(super) fn mark(components: &mut [Located<Component>]) {
    // By the version too: there may be very many of one product in one place.
    let mut homes: HashMap<(String, String), BTreeMap<&str, &Product>> = HashMap::new();
    for it in components.iter() {
        let product = Product::of(&it.what).filter(|it| !it.parts.is_empty());
        if let Some((product, path)) = product.zip(it.path.as_ref()) {
            let home = (home(path.as_str()).to_owned(), it.what.version.clone());
            homes.entry(home).or_default().insert(product.name, product);
        }
    }
    if homes.is_empty() {
        return;
    }
    for it in components.iter_mut().filter(|it| it.what.presence == Presence::Installed) {
        let Some(path) = &it.path else { continue };
        let version = &it.what.version;
        let around = path.ancestors().chain([path.as_str()]);
        let mut products = around
            .filter_map(|dir| homes.get(&(dir.to_owned(), version.clone())))
            .flat_map(BTreeMap::values);
        if let Some(product) = products.find(|product| product.has_part(&it.what)) {
            it.what.presence = Presence::Packaged(format!("{} {version}", product.name));
        }
    }
}

/// The directory that is the product's own; the file alone if that would be the whole image.
fn home(path: &str) -> &str {
    let mut parts = path.rsplit_once('/');
    while let Some((dir, _)) = parts {
        match dir.rsplit_once('/') {
            Some((_, name)) if INNER.contains(&name) => parts = dir.rsplit_once('/'),
            None if INNER.contains(&dir) => return path,
            _ => return dir,
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Ecosystem, ImagePath};

    #[test]
    fn parts_of_a_product_are_its_own() {
        let at = |ecosystem, name: &str, version: &str, path: &str| Located {
            what: Component::new(ecosystem, name, version),
            path: Some(ImagePath::parse(path.as_bytes()).unwrap()),
            layer: 0,
            by: String::new(),
            system: None,
        };
        let maven = |name, path| at(Ecosystem::Maven, name, "9.0.1", path);
        let juli = "org.apache.tomcat:tomcat-juli";
        let mut all = [
            at(Ecosystem::Generic, "tomcat", "9.0.1", "opt/tomcat/lib/catalina.jar"),
            maven("org.apache.tomcat:tomcat-catalina", "opt/tomcat/lib/catalina.jar"),
            maven(juli, "opt/tomcat/bin/tomcat-juli.jar"),
            maven(juli, "opt/other/tomcat-juli.jar"),
            at(Ecosystem::Maven, juli, "8.5.1", "opt/tomcat/webapps/a/WEB-INF/lib/j.jar"),
            maven("org.apache.struts:struts2-core", "opt/tomcat/webapps/a/WEB-INF/lib/s.jar"),
        ];
        mark(&mut all);
        let owned = Presence::Packaged("tomcat 9.0.1".to_owned());
        let owned = all.map(|it| it.what.presence == owned);
        assert_eq!(owned, [false, true, true, false, false, false]);
    }

    #[test]
    fn homes() {
        let check = |path, expected| assert_eq!(home(path), expected, "{path}");
        check("opt/tomcat/lib/catalina.jar", "opt/tomcat");
        check(
            "opt/solr/server/solr-webapp/webapp/WEB-INF/lib/solr-core.jar",
            "opt/solr/server/solr-webapp/webapp",
        );
        check("home/nacos/target/nacos-server.jar", "home/nacos");
        check("apollo-portal.jar", "apollo-portal.jar");
        check("lib/catalina.jar", "lib/catalina.jar");
    }
}
