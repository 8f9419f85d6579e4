//! Middleware, databases, web servers, web applications and runtimes: what advisories call them, and which
//! packages of languages are parts of them. How they are recognised is the catalogers' business.
use crate::{Component, Ecosystem};

/// A product, one row each.
#[derive(Debug)]
pub struct Product {
    /// Whose names and versions it has: `Generic`, unless a package manager knows it by its own name.
    pub ecosystem: Ecosystem,
    /// The name of its component.
    pub name: &'static str,
    /// Where advisories speak of it, and what they call it there: `("Bitnami", "tomcat")`, `("NVD", "apache:tomcat")`
    /// (vendor and product of a CPE), `("Maven", "org.apache.tomcat:tomcat-catalina")`.
    pub known_as: &'static [(&'static str, &'static str)],
    /// Packages that are parts of it when they lie within it: a `*` at the end stands for any text.
    pub parts: &'static [(Ecosystem, &'static str)],
}

/// Every product.
#[rustfmt::skip]
pub const PRODUCTS: &[Product] = &[
    generic("httpd", &[("Bitnami", "apache"), ("NVD", "apache:http_server")]),
    generic("nginx", &[("Bitnami", "nginx"), ("NVD", "f5:nginx"), ("NVD", "f5:nginx_open_source"), ("NVD", "nginx:nginx")]),
    generic("redis", &[("Bitnami", "redis"), ("NVD", "redis:redis")]),
    Product {
        parts: &[(Ecosystem::Maven, "org.apache.tomcat:*")],
        ..generic("tomcat", &[("Bitnami", "tomcat"), ("NVD", "apache:tomcat"), ("Maven", "org.apache.tomcat:tomcat-catalina"), ("Maven", "org.apache.tomcat:tomcat")])
    },
];

const fn generic(name: &'static str, known_as: &'static [(&'static str, &'static str)]) -> Product {
    Product { ecosystem: Ecosystem::Generic, name, known_as, parts: &[] }
}

impl Product {
    /// The product that a component is.
    pub fn of(component: &Component) -> Option<&'static Product> {
        let is = |it: &&Product| it.ecosystem == component.ecosystem && it.name == component.name;
        PRODUCTS.iter().find(is)
    }

    /// Whether a component that lies within it is a part of it.
    pub fn has_part(&self, component: &Component) -> bool {
        self.parts.iter().any(|(ecosystem, name)| {
            *ecosystem == component.ecosystem
                && match name.strip_suffix('*') {
                    Some(start) => component.name.starts_with(start),
                    None => component.name == *name,
                }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_by_their_names() {
        let tomcat = Product::of(&Component::new(Ecosystem::Generic, "tomcat", "9.0.1")).unwrap();
        let check = |ecosystem, name, expected| {
            assert_eq!(tomcat.has_part(&Component::new(ecosystem, name, "1")), expected, "{name}");
        };
        check(Ecosystem::Maven, "org.apache.tomcat:tomcat-catalina", true);
        check(Ecosystem::Maven, "org.apache.struts:struts2-core", false);
        check(Ecosystem::Npm, "org.apache.tomcat:x", false);
    }
}
