//! Servers that are archives of Java's: which archive is the product, by what it says that it is.
use super::CATALOGER;
use crate::{takings::Takings, wanted::fits};
use inspect::{Fault, File, Found};
use model::{Component, Ecosystem};

/// A product, where the archive lies that gives its version, and as which artifacts this may be known: with a group,
/// or without where nothing says that. A `*` at the end stands for any text.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("activemq", &["lib/activemq-broker*.jar"], &["org.apache.activemq:activemq-broker"]),
    ("apollo", &["apollo-*.jar"], &["com.ctrip.framework.apollo:apollo-portal", "com.ctrip.framework.apollo:apollo-configservice", "com.ctrip.framework.apollo:apollo-adminservice"]),
    ("cassandra", &["lib/apache-cassandra-*.jar"], &["org.apache.cassandra:*", "apache-cassandra"]),
    ("dubbo-admin", &["dubbo-admin*.jar", "dubbo-admin*.war"], &["org.apache.dubbo:dubbo-admin-server", "org.apache.dubbo:dubbo-admin", "com.alibaba:dubbo-admin"]),
    ("elasticsearch", &["lib/elasticsearch-*.jar"], &["org.elasticsearch:elasticsearch", "elasticsearch"]),
    ("jenkins", &["*.war", "WEB-INF/lib/jenkins-core-*.jar"], &["org.jenkins-ci.main:jenkins-core"]),
    ("jetty", &["lib/jetty-server-*.jar"], &["org.eclipse.jetty:jetty-server"]),
    ("kafka", &["libs/kafka_*.jar", "kafka/kafka_*.jar"], &["org.apache.kafka:kafka_*", "kafka_*"]),
    ("keycloak", &["keycloak-core-*.jar", "main/org.keycloak.keycloak-core-*.jar"], &["org.keycloak:keycloak-core"]),
    ("nacos", &["nacos-server*.jar"], &["com.alibaba.nacos:nacos-console", "com.alibaba.nacos:nacos-core"]),
    ("neo4j", &["lib/neo4j-kernel-*.jar"], &["org.neo4j:neo4j-kernel"]),
    ("nexus", &["nexus-bootstrap-*.jar", "nexus-core-*.jar"], &["org.sonatype.nexus:nexus-bootstrap", "org.sonatype.nexus:nexus-core"]),
    ("opensearch", &["lib/opensearch-*.jar"], &["org.opensearch:opensearch", "opensearch"]),
    ("pulsar", &["lib/org.apache.pulsar-pulsar-broker-*.jar"], &["org.apache.pulsar:pulsar-broker"]),
    ("rocketmq", &["lib/rocketmq-broker-*.jar", "lib/rocketmq-namesrv-*.jar"], &["org.apache.rocketmq:rocketmq-broker", "org.apache.rocketmq:rocketmq-namesrv"]),
    ("seata", &["seata-server*.jar"], &["io.seata:seata-server", "org.apache.seata:seata-server"]),
    ("sentinel-dashboard", &["sentinel-dashboard*.jar"], &["com.alibaba.csp:sentinel-dashboard"]),
    ("skywalking", &["oap-libs/server-starter-*.jar"], &["org.apache.skywalking:server-starter"]),
    ("skywalking", &["skywalking-agent.jar"], &["org.apache.skywalking:apm-agent"]),
    ("solr", &["lib/solr-core-*.jar", "dist/solr-core-*.jar"], &["org.apache.solr:solr-core", "solr-core"]),
    ("sonarqube", &["lib/sonar-application-*.jar"], &["org.sonarsource.sonarqube:sonar-application", "sonar-application"]),
    ("tomcat", &["lib/catalina.jar", "server/lib/catalina.jar"], &["org.apache.tomcat:tomcat-catalina", "org.apache.tomcat:catalina", "catalina"]),
    ("tongweb", &["lib/tongweb*.jar", "bin/tongweb*.jar"], &["com.tongweb:*", "tongweb*"]),
    ("weblogic", &["server/lib/weblogic.jar"], &["weblogic"]),
    ("wildfly", &["main/wildfly-version-*.jar"], &["org.wildfly.core:wildfly-version"]),
    ("xxl-job", &["xxl-job-admin*.jar"], &["com.xuxueli:xxl-job-admin"]),
    ("zookeeper", &["zookeeper*/zookeeper-*.jar", "zookeeper*/lib/zookeeper-*.jar", "apache-zookeeper-*/lib/zookeeper-*.jar"], &["org.apache.zookeeper:zookeeper"]),
];

/// Takes in the products that an archive is, by the artifacts that were found in it from the one with number `from` on.
pub(crate) fn of_archive(file: &File<'_>, from: usize, found: &mut Found) -> Result<(), Fault> {
    let path = file.path.as_str();
    let rows = ROWS.iter().filter(|row| row.1.iter().any(|it| fits(it, path)));
    let mut products = Vec::new();
    for (name, _, artifacts) in rows {
        let is = |it: &&Component| artifacts.iter().any(|artifact| is_called(&it.name, artifact));
        let artifact = found.components.get(from..).unwrap_or_default().iter().find(is);
        products.extend(artifact.map(|it| Component::new(Ecosystem::Generic, name, &it.version)));
    }
    Takings::of(CATALOGER.name, found, |takings| {
        products.into_iter().try_for_each(|it| takings.component(it))
    })
}

fn is_called(name: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::PRODUCTS;

    #[test]
    fn every_row_is_of_a_product() {
        for (name, ..) in ROWS {
            assert!(PRODUCTS.iter().any(|it| it.name == *name), "{name} is no product");
        }
    }
}
