//! Texts that come with a product and have its version: sources of web applications, manifests, files made for that.
use super::{Ecosystem, Row, text};

/// Every row.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    // Web applications in PHP.
    Row { with: &["namespace Composer;"], ..text("composer", &["Composer/Composer.php"], &[r"\n[ \t]*(?:public )?const VERSION = '(\d+\.\d+\.\d+[\w.-]*)'"]) },
    Row { with: &["DISCUZ_VERSION"], ..text("discuz", &["source/discuz_version.php"], &[r"DISCUZ_VERSION'\s*,\s*'(\w[\w.]*)'"]) },
    text("drupal", &["lib/Drupal.php"], &[r"const VERSION = '(\d+\.\d+[\w.-]*)'"]),
    text("drupal", &["includes/bootstrap.inc", "modules/system/system.module"], &[r"define\('VERSION', '([4-7]\.\d+[\w.-]*)'"]),
    Row { with: &["files_joomla"], ..text("joomla", &["manifests/files/joomla.xml"], &[r"<version>(\d+\.\d+[\w.-]*)</version>"]) },
    Row { with: &["\"magento/"], ..text("magento", &["product-community-edition/composer.json", "product-enterprise-edition/composer.json", "magento*/composer.json"], &[r#""version"\s*:\s*"(\d+\.\d+\.\d+[\w.-]*)""#]) },
    text("magento", &["app/Mage.php"], &[r"'major'\s*=>\s*'(\d+)',\s*'minor'\s*=>\s*'(\d+)',\s*'revision'\s*=>\s*'(\d+)',\s*'patch'\s*=>\s*'(\d+)'"]),
    Row { with: &["PhpMyAdmin", "phpMyAdmin"], ..text("phpmyadmin", &["classes/Version.php", "src/Version.php", "classes/Config.php", "libraries/Config.class.php", "libraries/Config.php"], &[r"VERSION = '(\d+\.\d+[\w.-]*?)'", r"'PMA_VERSION',\s*'(\d+\.\d+[\w.-]*)'"]) },
    text("thinkphp", &["thinkphp/base.php", "ThinkPHP/ThinkPHP.php", "ThinkPHP/Common/runtime.php"], &[r"'THINK_VERSION',\s*'(\d+\.\d+[\w.]*)"]),
    Row { with: &["namespace think"], ..text("thinkphp", &["think/App.php", "src/think/App.php"], &[r"const VERSION\s*=\s*'(\d+\.\d+[\w.]*)"]) },
    text("wordpress", &["wp-includes/version.php"], &[r"\$wp_version\s*=\s*'(\d[\w.-]*)'"]),
    Row { with: &["Plugin Name:"], bytes: HEADER_BYTES, ..text("wordpress-plugin/*", &["wp-content/plugins/*/*.php", "wp-content/mu-plugins/*/*.php"], HEADER) },
    Row { with: &["Theme Name:"], bytes: HEADER_BYTES, ..text("wordpress-theme/*", &["wp-content/themes/*/style.css"], HEADER) },
    text("zabbix", &["include/defines.inc.php"], &[r"'ZABBIX_VERSION',\s*'(\d+\.\d+[\w.]*)'"]),

    // Servers of Java's, by what lies beside their archives.
    text("keycloak", &["version.txt"], &[r"\AKeycloak - Version (\d+\.\d+\.\d+[\w.-]*)"]),
    Row { with: &["WildFly"], ..text("wildfly", WILDFLY, &[r"JBoss-Product-Release-Version: (\d+\.\d+[\w.-]*)"]) },
    Row { with: &["EAP"], ..text("jboss-eap", WILDFLY, &[r"JBoss-Product-Release-Version: (\d+\.\d+[\w.-]*)"]) },
    text("weblogic", &["registry.xml", "inventory/registry.xml", "ContentsXML/comps.xml"], &[
        r#"<COMP NAME="oracle\.wls\.core\.app\.server" VER="(\d+(?:\.\d+)+)""#,
        r#"name="WebLogic Server"[^>]{0,200}? version="(\d+(?:\.\d+)+)""#,
    ]),
    text("tongweb", &["version.txt", "VERSION", "version", "conf/version.properties"], &[r"TongWeb\s*(?:[Vv]ersion)?\s*[:=]?\s*V?(\d+(?:\.\d+)+)"]),
    Row { ecosystem: Ecosystem::Maven, ..text("org.springframework.boot:spring-boot", &["META-INF/MANIFEST.MF"], &[r"\nSpring-Boot-Version: (\d[\w.-]*)"]) },

    // Servers in other languages.
    text("apisix", &["apisix/core/version.lua"], &[r#"VERSION\s*=\s*"(\d+\.\d+[\w.-]*)""#]),
    Row { with: &["_VERSION", "version"], ..text("kong", &["kong/meta.lua"], &[r"major\s*=\s*(\d+),\s*minor\s*=\s*(\d+),\s*patch\s*=\s*(\d+)"]) },
    text("couchdb", &["ebin/couch.app"], &[r#"\{application,\s*couch,.{0,2000}?\{vsn,\s*"(\d+\.\d+[\w.-]*)""#]),
    text("rabbitmq", &["ebin/rabbit.app"], &[r#"\{application,\s*'?rabbit'?,.{0,2000}?\{vsn,\s*"(\d+\.\d+[\w.-]*)""#]),
    text("gitlab", &["gitlab-rails/VERSION", "gitlab/VERSION"], &[r"\A(\d+\.\d+\.\d+)(?:-(?:ee|ce|rc\d+-ee))?\s"]),
    Row { with: &["\"name\": \"kibana\"", "\"name\":\"kibana\""], ..text("kibana", &["kibana/package.json", "kibana-*/package.json"], JSON) },
    Row { with: &["opensearch-dashboards"], ..text("opensearch-dashboards", &["opensearch-dashboards/package.json", "opensearch-dashboards-*/package.json"], JSON) },

    // Languages.
    text("elixir", &["elixir"], &[r"ELIXIR_VERSION=(\d+\.\d+\.\d+(?:-\w+(?:\.\d+)?)?)"]),
    text("elixir", &["ebin/elixir.app"], &[r#"\{application,\s*elixir,.{0,2000}?\{vsn,\s*"(\d+\.\d+\.\d+(?:-\w+(?:\.\d+)?)?)""#]),
    text("erlang", &["OTP_VERSION"], &[r"\A(\d+(?:\.\d+)+(?:-rc\d)?)\s"]),
    text("firefox", &["application.ini"], &[r"\nName=Firefox\r?\n(?:.*?\n)?Version=(\d+(?:\.\d+)+\w*)"]),
    text("go", &["VERSION", "VERSION.cache"], &[r"\Ago(1(?:\.\d+)+(?:(?:alpha|beta|rc)\d+)?)"]),
];

/// What WordPress itself looks at.
const HEADER_BYTES: u64 = 8 << 10;
/// Lines of a comment (Plugin Handbook, "Header Requirements").
const HEADER: &[&str] = &[r"(?i)\n[ \t/*#@]*Version:[ \t]*(\d[\w.+-]*)"];
const JSON: &[&str] = &[r#""version"\s*:\s*"(\d+\.\d+\.\d+[\w.-]*)""#];
const WILDFLY: &[&str] = &["dir/META-INF/MANIFEST.MF"];
