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
    /// Packages that are parts of it when they lie within it and have its version: a `*` at the end stands for any text.
    pub parts: &'static [(Ecosystem, &'static str)],
}

/// Every product.
#[rustfmt::skip]
pub const PRODUCTS: &[Product] = &[
    Product { parts: &[(Ecosystem::Maven, "org.apache.activemq:*")], ..generic("activemq", &[("Bitnami", "activemq"), ("NVD", "apache:activemq"), ("Maven", "org.apache.activemq:apache-activemq"), ("Maven", "org.apache.activemq:activemq-broker"), ("Maven", "org.apache.activemq:activemq-client"), ("Maven", "org.apache.activemq:activemq-openwire-legacy"), ("Maven", "org.apache.activemq:activemq-web")]) },
    Product { ecosystem: Ecosystem::Pypi, ..generic("apache-airflow", &[("Bitnami", "airflow"), ("NVD", "apache:airflow")]) },
    Product { ecosystem: Ecosystem::Pypi, ..generic("apache-superset", &[("Bitnami", "superset"), ("NVD", "apache:superset")]) },
    generic("apisix", &[("Bitnami", "apisix"), ("NVD", "apache:apisix")]),
    Product { parts: &[(Ecosystem::Maven, "com.ctrip.framework.apollo:*")], ..generic("apollo", &[("NVD", "apolloconfig:apollo"), ("Maven", "com.ctrip.framework.apollo:apollo-portal"), ("Maven", "com.ctrip.framework.apollo:apollo")]) },
    generic("arangodb", &[("Bitnami", "arangodb"), ("NVD", "arangodb:arangodb")]),
    generic("auditbeat", &[("NVD", "elastic:auditbeat")]),
    generic("aws-lc", &[("NVD", "amazon:aws_libcrypto")]),
    generic("bash", &[("NVD", "gnu:bash")]),
    generic("bun", &[("NVD", "oven-sh:bun"), ("NVD", "oven:bun")]),
    generic("busybox", &[("NVD", "busybox:busybox")]),
    generic("haskell/cabal", &[("NVD", "haskell:cabal")]),
    generic("caddy", &[("NVD", "caddyserver:caddy"), ("Go", "github.com/caddyserver/caddy/v2")]),
    Product { parts: &[(Ecosystem::Maven, "org.apache.cassandra:*"), (Ecosystem::Maven, "apache-cassandra")], ..generic("cassandra", &[("Bitnami", "cassandra"), ("NVD", "apache:cassandra"), ("Maven", "org.apache.cassandra:cassandra-all")]) },
    generic("chrome", &[("NVD", "google:chrome")]),
    generic("clickhouse", &[("Bitnami", "clickhouse"), ("NVD", "clickhouse:clickhouse")]),
    generic("composer", &[("Bitnami", "composer"), ("NVD", "getcomposer:composer"), ("Packagist", "composer/composer")]),
    Product { ecosystem: Ecosystem::Golang, ..generic("github.com/hashicorp/consul", &[("Bitnami", "consul"), ("NVD", "hashicorp:consul"), ("Go", "github.com/hashicorp/consul")]) },
    generic("couchdb", &[("Bitnami", "couchdb"), ("NVD", "apache:couchdb")]),
    generic("curl", &[("NVD", "haxx:curl"), ("NVD", "haxx:libcurl")]),
    generic("dameng", &[("NVD", "dameng:dm_database_server")]),
    generic("dart", &[("NVD", "dart:dart_software_development_kit")]),
    generic("deno", &[("NVD", "deno:deno")]),
    generic("discuz", &[("NVD", "comsenz:discuz\\!"), ("NVD", "discuz:discuz\\!")]),
    generic("drupal", &[("Bitnami", "drupal"), ("NVD", "drupal:drupal"), ("Packagist", "drupal/core"), ("Packagist", "drupal/drupal")]),
    Product { parts: &[(Ecosystem::Maven, "org.apache.dubbo:dubbo-admin*")], ..generic("dubbo-admin", &[("NVD", "apache:dubbo-admin"), ("Maven", "org.apache.dubbo:dubbo-admin"), ("Maven", "org.apache.dubbo:dubbo-admin-server")]) },
    generic("elastic-agent", &[("NVD", "elastic:elastic_agent")]),
    Product { parts: &[(Ecosystem::Maven, "org.elasticsearch:*"), (Ecosystem::Maven, "org.elasticsearch.*")], ..generic("elasticsearch", &[("Bitnami", "elasticsearch"), ("NVD", "elastic:elasticsearch"), ("NVD", "elasticsearch:elasticsearch"), ("Maven", "org.elasticsearch:elasticsearch"), ("Maven", "org.elasticsearch:elasticsearch-core"), ("Maven", "org.elasticsearch.plugin:x-pack-core"), ("Maven", "org.elasticsearch.client:elasticsearch-rest-client")]) },
    generic("elixir", &[("NVD", "elixir-lang:elixir")]),
    generic("envoy", &[("Bitnami", "envoy"), ("NVD", "envoyproxy:envoy")]),
    generic("erlang", &[("Bitnami", "erlang"), ("NVD", "erlang:erlang\\/otp"), ("NVD", "erlang:otp")]),
    generic("etcd", &[("Bitnami", "etcd"), ("NVD", "etcd:etcd"), ("NVD", "redhat:etcd"), ("Go", "go.etcd.io/etcd"), ("Go", "go.etcd.io/etcd/v3"), ("Go", "go.etcd.io/etcd/server/v3")]),
    generic("ffmpeg", &[("NVD", "ffmpeg:ffmpeg")]),
    generic("filebeat", &[("NVD", "elastic:filebeat")]),
    generic("firefox", &[("NVD", "mozilla:firefox")]),
    Product { ecosystem: Ecosystem::Github, ..generic("fluent/fluent-bit", &[("Bitnami", "fluent-bit"), ("NVD", "treasuredata:fluent_bit")]) },
    generic("gcc", &[("NVD", "gnu:gcc")]),
    generic("haskell/ghc", &[("NVD", "haskell:ghc")]),
    generic("gitea", &[("Bitnami", "gitea"), ("NVD", "gitea:gitea"), ("Go", "code.gitea.io/gitea")]),
    generic("gitlab", &[("Bitnami", "gitlab"), ("NVD", "gitlab:gitlab")]),
    generic("go", &[("Bitnami", "golang"), ("NVD", "golang:go")]),
    generic("oracle/graalvm", &[("NVD", "oracle:graalvm"), ("NVD", "oracle:graalvm_for_jdk")]),
    generic("grafana", &[("Bitnami", "grafana"), ("NVD", "grafana:grafana"), ("Go", "github.com/grafana/grafana")]),
    generic("gzip", &[("NVD", "gnu:gzip")]),
    generic("haproxy", &[("Bitnami", "haproxy"), ("NVD", "haproxy:haproxy")]),
    generic("heartbeat", &[("NVD", "elastic:heartbeat")]),
    generic("heimdal-krb5", &[("NVD", "heimdal_project:heimdal")]),
    Product { ecosystem: Ecosystem::Golang, ..generic("helm.sh/helm", &[("Bitnami", "helm"), ("NVD", "helm:helm"), ("Go", "helm.sh/helm/v3"), ("Go", "helm.sh/helm"), ("Go", "k8s.io/helm")]) },
    generic("httpd", &[("Bitnami", "apache"), ("NVD", "apache:http_server")]),
    generic("influxdb", &[("Bitnami", "influxdb"), ("NVD", "influxdata:influxdb"), ("Go", "github.com/influxdata/influxdb"), ("Go", "github.com/influxdata/influxdb/v2")]),
    generic("istio", &[("NVD", "istio:istio"), ("Go", "istio.io/istio")]),
    generic("jboss-eap", &[("NVD", "redhat:jboss_enterprise_application_platform")]),
    generic("oracle/jdk", &[("Bitnami", "java"), ("NVD", "oracle:jdk")]),
    Product { parts: &[(Ecosystem::Maven, "org.jenkins-ci.main:*")], ..generic("jenkins", &[("Bitnami", "jenkins"), ("NVD", "jenkins:jenkins"), ("Maven", "org.jenkins-ci.main:jenkins-core"), ("Maven", "org.jenkins-ci.main:jenkins-war"), ("Maven", "org.jenkins-ci.main:cli")]) },
    Product { parts: &[(Ecosystem::Maven, "org.eclipse.jetty:*"), (Ecosystem::Maven, "org.eclipse.jetty.*")], ..generic("jetty", &[("NVD", "eclipse:jetty"), ("NVD", "mortbay:jetty"), ("Maven", "org.eclipse.jetty:jetty-server"), ("Maven", "org.eclipse.jetty:jetty-http"), ("Maven", "org.eclipse.jetty:jetty-servlets"), ("Maven", "org.eclipse.jetty:jetty-io"), ("Maven", "org.eclipse.jetty:jetty-util"), ("Maven", "org.eclipse.jetty:jetty-webapp"), ("Maven", "org.eclipse.jetty:jetty-security"), ("Maven", "org.eclipse.jetty:jetty-client"), ("Maven", "org.eclipse.jetty:jetty-openid"), ("Maven", "org.eclipse.jetty:jetty-xml"), ("Maven", "org.eclipse.jetty:jetty-deploy"), ("Maven", "org.eclipse.jetty.http2:http2-server"), ("Maven", "org.eclipse.jetty.http2:http2-common"), ("Maven", "org.eclipse.jetty.http2:http2-hpack"), ("Maven", "org.eclipse.jetty.http2:jetty-http2-common"), ("Maven", "org.eclipse.jetty.http2:jetty-http2-hpack")]) },
    generic("joomla", &[("Bitnami", "joomla"), ("NVD", "joomla:joomla\\!")]),
    generic("jq", &[("NVD", "jqlang:jq")]),
    generic("oracle/jre", &[("Bitnami", "jre"), ("NVD", "oracle:jre")]),
    generic("julia", &[("NVD", "julialang:julia")]),
    Product { parts: &[(Ecosystem::Maven, "org.apache.kafka:*"), (Ecosystem::Maven, "kafka_*")], ..generic("kafka", &[("Bitnami", "kafka"), ("NVD", "apache:kafka"), ("Maven", "org.apache.kafka:kafka"), ("Maven", "org.apache.kafka:kafka_2.13"), ("Maven", "org.apache.kafka:kafka_2.12"), ("Maven", "org.apache.kafka:connect-runtime"), ("Maven", "org.apache.kafka:kafka-clients"), ("Maven", "org.apache.kafka:connect"), ("Maven", "org.apache.kafka:kafka-metadata"), ("Maven", "org.apache.kafka:kafka-server")]) },
    Product { parts: &[(Ecosystem::Maven, "org.keycloak:*")], ..generic("keycloak", &[("Bitnami", "keycloak"), ("NVD", "redhat:keycloak"), ("NVD", "keycloak:keycloak"), ("Maven", "org.keycloak:keycloak-core"), ("Maven", "org.keycloak:keycloak-services"), ("Maven", "org.keycloak:keycloak-parent"), ("Maven", "org.keycloak:keycloak-quarkus-server"), ("Maven", "org.keycloak:keycloak-saml-core"), ("Maven", "org.keycloak:keycloak-saml-core-public"), ("Maven", "org.keycloak:keycloak-server-spi-private"), ("Maven", "org.keycloak:keycloak-ldap-federation"), ("Maven", "org.keycloak:keycloak-themes"), ("Maven", "org.keycloak:keycloak-model-jpa"), ("Maven", "org.keycloak:keycloak-model-infinispan"), ("Maven", "org.keycloak:keycloak-common"), ("Maven", "org.keycloak:keycloak-js-adapter-jar"), ("Maven", "org.keycloak:keycloak-sssd-federation"), ("Maven", "org.keycloak:keycloak-rest-admin-ui-ext")]) },
    generic("kibana", &[("Bitnami", "kibana"), ("NVD", "elastic:kibana"), ("NVD", "elasticsearch:kibana")]),
    generic("kingbase", &[("NVD", "kingbase:kingbasees")]),
    generic("kong", &[("Bitnami", "kong"), ("NVD", "konghq:kong_gateway"), ("NVD", "konghq:kong")]),
    generic("krb5", &[("NVD", "mit:kerberos_5")]),
    generic("lighttpd", &[("NVD", "lighttpd:lighttpd")]),
    generic("magento", &[("Bitnami", "magento"), ("NVD", "magento:magento"), ("NVD", "adobe:commerce"), ("NVD", "adobe:magento_open_source"), ("Packagist", "magento/community-edition"), ("Packagist", "magento/product-community-edition")]),
    generic("mariadb", &[("Bitnami", "mariadb"), ("NVD", "mariadb:mariadb")]),
    generic("memcached", &[("Bitnami", "memcached"), ("NVD", "memcached:memcached")]),
    generic("metricbeat", &[("NVD", "elastic:metricbeat")]),
    generic("minio", &[("Bitnami", "minio"), ("NVD", "minio:minio"), ("Go", "github.com/minio/minio")]),
    generic("mongodb", &[("Bitnami", "mongodb"), ("NVD", "mongodb:mongodb")]),
    generic("mosquitto", &[("NVD", "eclipse:mosquitto")]),
    generic("mysql", &[("Bitnami", "mysql"), ("NVD", "oracle:mysql"), ("NVD", "mysql:mysql")]),
    generic("mysql-cluster", &[("NVD", "oracle:mysql_cluster")]),
    generic("mysql-server", &[("Bitnami", "mysql"), ("NVD", "oracle:mysql"), ("NVD", "oracle:mysql_server"), ("NVD", "mysql:mysql")]),
    Product { parts: &[(Ecosystem::Maven, "com.alibaba.nacos:*")], ..generic("nacos", &[("NVD", "alibaba:nacos"), ("Maven", "com.alibaba.nacos:nacos-core"), ("Maven", "com.alibaba.nacos:nacos-naming"), ("Maven", "com.alibaba.nacos:nacos-config"), ("Maven", "com.alibaba.nacos:nacos-console"), ("Maven", "com.alibaba.nacos:nacos-common"), ("Maven", "com.alibaba.nacos:nacos-all"), ("Maven", "com.alibaba.nacos:nacos-client"), ("Maven", "com.alibaba.nacos:nacos-api"), ("Maven", "com.alibaba.nacos:nacos-auth")]) },
    generic("nats", &[("Bitnami", "nats"), ("NVD", "nats:nats_server"), ("NVD", "linuxfoundation:nats-server"), ("Go", "github.com/nats-io/nats-server/v2")]),
    Product { parts: &[(Ecosystem::Maven, "org.neo4j:*"), (Ecosystem::Maven, "org.neo4j.*")], ..generic("neo4j", &[("Bitnami", "neo4j"), ("NVD", "neo4j:neo4j"), ("Maven", "org.neo4j:neo4j"), ("Maven", "org.neo4j:neo4j-kernel"), ("Maven", "org.neo4j:neo4j-cypher"), ("Maven", "org.neo4j:neo4j-server"), ("Maven", "org.neo4j.app:neo4j-server")]) },
    Product { parts: &[(Ecosystem::Maven, "org.sonatype.nexus:*")], ..generic("nexus", &[("NVD", "sonatype:nexus_repository_manager"), ("NVD", "sonatype:nexus"), ("Maven", "org.sonatype.nexus:nexus-core")]) },
    generic("nginx", &[("Bitnami", "nginx"), ("NVD", "f5:nginx"), ("NVD", "f5:nginx_open_source"), ("NVD", "nginx:nginx")]),
    generic("nginx-ingress-controller", &[("Bitnami", "nginx-ingress-controller"), ("NVD", "kubernetes:ingress-nginx"), ("NVD", "kubernetes:nginx_ingress_controller"), ("Go", "k8s.io/ingress-nginx")]),
    generic("node", &[("Bitnami", "node"), ("NVD", "nodejs:node.js")]),
    generic("oceanbase", &[("NVD", "oceanbase:oceanbase")]),
    generic("opengauss", &[("NVD", "opengauss:opengauss")]),
    generic("oracle/openjdk", &[("Bitnami", "java"), ("NVD", "oracle:openjdk"), ("NVD", "oracle:jdk"), ("NVD", "oracle:jre")]),
    generic("openldap", &[("Bitnami", "openldap"), ("NVD", "openldap:openldap")]),
    generic("openresty", &[("Bitnami", "openresty"), ("NVD", "openresty:openresty")]),
    Product { parts: &[(Ecosystem::Maven, "org.opensearch:*"), (Ecosystem::Maven, "org.opensearch.*")], ..generic("opensearch", &[("Bitnami", "opensearch"), ("NVD", "amazon:opensearch"), ("NVD", "opensearch:opensearch"), ("Maven", "org.opensearch:opensearch"), ("Maven", "org.opensearch:opensearch-core")]) },
    generic("opensearch-dashboards", &[("NVD", "amazon:opensearch_dashboards")]),
    generic("openssl", &[("NVD", "openssl:openssl")]),
    generic("packetbeat", &[("NVD", "elastic:packetbeat")]),
    generic("percona-server", &[("NVD", "percona:percona_server")]),
    generic("percona-xtrabackup", &[("NVD", "percona:xtrabackup")]),
    generic("percona-xtradb-cluster", &[("NVD", "percona:xtradb_cluster")]),
    generic("perl", &[("NVD", "perl:perl")]),
    generic("php", &[("Bitnami", "php"), ("NVD", "php:php")]),
    generic("phpmyadmin", &[("Bitnami", "phpmyadmin"), ("NVD", "phpmyadmin:phpmyadmin"), ("Packagist", "phpmyadmin/phpmyadmin")]),
    generic("postgresql", &[("Bitnami", "postgresql"), ("NVD", "postgresql:postgresql")]),
    generic("proftpd", &[("NVD", "proftpd:proftpd")]),
    generic("prometheus", &[("Bitnami", "prometheus"), ("NVD", "prometheus:prometheus"), ("Go", "github.com/prometheus/prometheus")]),
    Product { parts: &[(Ecosystem::Maven, "org.apache.pulsar:*")], ..generic("pulsar", &[("NVD", "apache:pulsar"), ("Maven", "org.apache.pulsar:pulsar-broker"), ("Maven", "org.apache.pulsar:pulsar-proxy"), ("Maven", "org.apache.pulsar:pulsar-functions-worker")]) },
    generic("pypy", &[("NVD", "pypy:pypy")]),
    generic("python", &[("Bitnami", "python"), ("NVD", "python:python"), ("NVD", "python_software_foundation:python")]),
    generic("qtbase", &[("NVD", "qt:qt"), ("NVD", "qt:qtbase")]),
    generic("rabbitmq", &[("Bitnami", "rabbitmq"), ("NVD", "vmware:rabbitmq"), ("NVD", "pivotal_software:rabbitmq"), ("NVD", "broadcom:rabbitmq_server")]),
    generic("redis", &[("Bitnami", "redis"), ("NVD", "redis:redis"), ("NVD", "redislabs:redis")]),
    Product { parts: &[(Ecosystem::Maven, "org.apache.rocketmq:*")], ..generic("rocketmq", &[("NVD", "apache:rocketmq"), ("Maven", "org.apache.rocketmq:rocketmq-broker"), ("Maven", "org.apache.rocketmq:rocketmq-namesrv"), ("Maven", "org.apache.rocketmq:rocketmq-all"), ("Maven", "org.apache.rocketmq:rocketmq-controller"), ("Maven", "org.apache.rocketmq:rocketmq-remoting")]) },
    generic("ruby", &[("Bitnami", "ruby"), ("NVD", "ruby-lang:ruby")]),
    generic("rust", &[("NVD", "rust-lang:rust")]),
    Product { parts: &[(Ecosystem::Maven, "io.seata:*"), (Ecosystem::Maven, "org.apache.seata:*")], ..generic("seata", &[("NVD", "apache:seata"), ("Maven", "org.apache.seata:seata-server"), ("Maven", "io.seata:seata-server"), ("Maven", "org.apache.seata:seata-core"), ("Maven", "io.seata:seata-core")]) },
    Product { parts: &[(Ecosystem::Maven, "com.alibaba.csp:*")], ..generic("sentinel-dashboard", &[("NVD", "alibaba:sentinel"), ("Maven", "com.alibaba.csp:sentinel-dashboard")]) },
    Product { parts: &[(Ecosystem::Maven, "org.apache.skywalking:*")], ..generic("skywalking", &[("NVD", "apache:skywalking"), ("Maven", "org.apache.skywalking:apm"), ("Maven", "org.apache.skywalking:server-starter")]) },
    Product { parts: &[(Ecosystem::Maven, "org.apache.solr:*")], ..generic("solr", &[("Bitnami", "solr"), ("NVD", "apache:solr"), ("Maven", "org.apache.solr:solr-core"), ("Maven", "org.apache.solr:solr"), ("Maven", "org.apache.solr:solr-solrj"), ("Maven", "org.apache.solr:solr-velocity"), ("Maven", "org.apache.solr:solr-dataimporthandler")]) },
    Product { parts: &[(Ecosystem::Maven, "org.sonarsource.sonarqube:*")], ..generic("sonarqube", &[("Bitnami", "sonarqube"), ("NVD", "sonarsource:sonarqube"), ("Maven", "org.sonarsource.sonarqube:sonar-application")]) },
    generic("sqlcipher", &[("NVD", "zetetic:sqlcipher")]),
    generic("squid", &[("NVD", "squid-cache:squid")]),
    generic("haskell/stack", &[("NVD", "haskell:stack")]),
    generic("swipl", &[("NVD", "swi-prolog:swi-prolog")]),
    generic("tengine", &[("NVD", "alibaba:tengine"), ("NVD", "taobao:tengine")]),
    generic("thinkphp", &[("NVD", "thinkphp:thinkphp"), ("Packagist", "topthink/framework")]),
    generic("tidb", &[("NVD", "pingcap:tidb"), ("Go", "github.com/pingcap/tidb")]),
    Product { parts: &[(Ecosystem::Maven, "org.apache.tomcat:*"), (Ecosystem::Maven, "bootstrap"), (Ecosystem::Maven, "catalina-ant"), (Ecosystem::Maven, "tomcat-i18n-*")], ..generic("tomcat", &[("Bitnami", "tomcat"), ("NVD", "apache:tomcat"), ("Maven", "org.apache.tomcat:tomcat"), ("Maven", "org.apache.tomcat:tomcat-catalina"), ("Maven", "org.apache.tomcat:tomcat-coyote"), ("Maven", "org.apache.tomcat:tomcat-util"), ("Maven", "org.apache.tomcat:tomcat-websocket"), ("Maven", "org.apache.tomcat:tomcat-jasper"), ("Maven", "org.apache.tomcat:tomcat-tribes"), ("Maven", "org.apache.tomcat:tomcat-catalina-ha"), ("Maven", "org.apache.tomcat:tomcat-juli"), ("Maven", "org.apache.tomcat:tomcat-dbcp"), ("Maven", "org.apache.tomcat:tomcat-jdbc"), ("Maven", "org.apache.tomcat:tomcat-api")]) },
    generic("tongweb", &[("NVD", "tongtech:tongweb")]),
    generic("traefik", &[("Bitnami", "traefik"), ("NVD", "traefik:traefik"), ("Go", "github.com/traefik/traefik"), ("Go", "github.com/traefik/traefik/v2"), ("Go", "github.com/traefik/traefik/v3"), ("Go", "github.com/containous/traefik")]),
    generic("util-linux", &[("NVD", "kernel:util-linux")]),
    generic("valkey", &[("Bitnami", "valkey"), ("NVD", "lfprojects:valkey"), ("NVD", "linuxfoundation:valkey"), ("NVD", "valkey-io:valkey")]),
    generic("varnish", &[("Bitnami", "varnish"), ("NVD", "varnish-software:varnish_cache"), ("NVD", "varnish_cache_project:varnish_cache"), ("NVD", "varnish-cache:varnish")]),
    Product { ecosystem: Ecosystem::Golang, ..generic("github.com/hashicorp/vault", &[("Bitnami", "vault"), ("NVD", "hashicorp:vault"), ("Go", "github.com/hashicorp/vault")]) },
    generic("weblogic", &[("NVD", "oracle:weblogic_server")]),
    Product { parts: &[(Ecosystem::Maven, "org.wildfly:*"), (Ecosystem::Maven, "org.wildfly.*")], ..generic("wildfly", &[("Bitnami", "wildfly"), ("NVD", "redhat:wildfly"), ("NVD", "redhat:jboss_wildfly_application_server"), ("Maven", "org.wildfly:wildfly-parent"), ("Maven", "org.wildfly.core:wildfly-server")]) },
    generic("wordpress", &[("Bitnami", "wordpress"), ("NVD", "wordpress:wordpress")]),
    generic("wp-cli", &[("Bitnami", "wp-cli"), ("NVD", "wp-cli:wp-cli"), ("Packagist", "wp-cli/wp-cli")]),
    Product { parts: &[(Ecosystem::Maven, "com.xuxueli:*")], ..generic("xxl-job", &[("NVD", "xuxueli:xxl-job"), ("Maven", "com.xuxueli:xxl-job"), ("Maven", "com.xuxueli:xxl-job-admin"), ("Maven", "com.xuxueli:xxl-job-core")]) },
    generic("xz", &[("NVD", "tukaani:xz")]),
    generic("zabbix", &[("NVD", "zabbix:zabbix")]),
    Product { parts: &[(Ecosystem::Maven, "org.apache.zookeeper:*")], ..generic("zookeeper", &[("Bitnami", "zookeeper"), ("NVD", "apache:zookeeper"), ("Maven", "org.apache.zookeeper:zookeeper")]) },
    generic("zstd", &[("NVD", "facebook:zstandard")]),
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
