//! Programs and libraries, by the banner or the version that was compiled into them. What a row expects was read off
//! programs that are distributed. In programs of Go, what the linker was given (`-X`) stands behind a byte that belongs to
//! something else and is filled up with zeroes, if the build information does not have it.
use super::{Ecosystem, Row, program};

/// Three numbers, and what may follow for what comes before a release.
macro_rules! version {
    () => {
        r"\d+\.\d+\.\d+(?:-(?:alpha|beta|dev|preview|rc|test)(?:[.-]?\d+)*)?"
    };
}

/// Given to Go's linker as the value of `$name`, or put by it among the data.
macro_rules! linked {
    ($name:literal) => {
        concat!(r#"-X[ =][\\"']*[\w./-]*"#, $name, r"=v?(", version!(), ")")
    };
}
macro_rules! data {
    ($version:literal) => {
        concat!(r"[^\w.+/@-]v?(", $version, r")\x00\x00")
    };
}

const BEATS: &[&str] = &[
    r"Test (\d+\.\d+\.\d+)[a-z%]",
    r"plugin(?:output)?(\d+\.\d+\.\d+)[-a-z]",
    r"5m\.rate(\d+\.\d+\.\d+)-",
];
const CLUSTER: &[&str] = &[r"/mysql-cluster-gpl-(\d+\.\d+\.\d+)", r"\d-ndb-(\d+\.\d+\.\d+)"];
const ERLANG: &[&str] = &[
    r"/otp(?:_src_|-)(\d+(?:\.\d+)+(?:-rc\d)?)/erts/",
    r"\x00(\d+\.\d+(?:\.\d+){0,2}(?:-rc\d)?)\x00+Erlang/OTP",
    r"Erlang/OTP.{1,150}?\x00+(\d+\.\d+(?:\.\d+){0,2}(?:-rc\d)?)\x00",
];
const GO: &[&str] = &[r"go(1(?:\.\d+)+(?:(?:alpha|beta|rc)\d+)?)\x00"];
const ISTIO: &[&str] = &[
    r"version\.buildVersion=v?(\d+(?:\.\d+)+(?:-(?:alpha|beta|dev|rc)(?:\.\d+)*)?)",
    r"\x00\d+\.\d+\.\d+(?:-\w+\.?\d*)?\x00+(\d+(?:\.\d+)+(?:-(?:alpha|beta|dev|rc)(?:\.\d+)?)?)\x00",
    r"(?:Clean|Modified)\x00+(\d+\.\d+(?:\.\d+)?(?:-(?:alpha|beta|dev|rc)(?:\.\d+)?)?)\x00",
    r"[^\d.](\d+\.\d+\.\d+(?:-(?:alpha|beta|dev|rc)(?:\.\d+)?)?)\x00.{1,100}?=v<y5",
];
const JAVA: &[&str] = &[
    r"java\x00+\d+(?:\.\d+)*\x00+(\d+(?:\.\d+)*[-_+]\w[\w.+-]*)\x00",
    r"\x00\d+(?:\.\d+)*\x00+(\d+(?:\.\d+)*[-_+]\w[\w.+-]*)\x00+(?:openjdk|java|jdb)\x00",
    r"\x00(\d+\.\d+\.\d+(?:\.\d+)*[-_+]\w[\w.+-]*)\x00",
];
const GRAAL: &[&str] = &[r"\x00(\d+(?:\.\d+)*\+\d+-jvmci-[\d.]+-b\d+)\x00"];
const JULIA: &[&str] = &[
    r"\x00__init__\x00(?:verify_methods\x00)?(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\d)?)\x00",
    r"[\x00\x80-\xff](\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\d)?)\x00branch\x00",
    r"\x00(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\d)?)\x00(?:BigInt\x00|julia version)",
];
const MARIADB: &[&str] = &[r"(\d+\.\d+\.\d+)-MariaDB", r"/mariadb-(\d+\.\d+\.\d+)[-/]"];
const OPENSSL: &[&str] = &[r"OpenSSL (\d+\.\d+\.\d+(?:[a-z]+|-(?:alpha|beta|rc)\d+)?)[ \x00]"];
const PERL: &[&str] = &[
    r"/perl5?/(\d\.\d+\.\d+)",
    r"\x00v(5\.\d+\.\d+)\x00",
    r"This is perl 5, version \d+, subversion \d+ \(v(5\.\d+\.\d+)",
];
const PHP: &[&str] = &[r"PHP/(\d+\.\d+\.\d+(?:(?:alpha|beta|RC)\d+)?)"];
const POSTGRES: &[&str] = &[r"PostgreSQL (\d+(?:\.\d+)*(?:(?:alpha|beta|rc)\d+)?)[^.\d]"];
const PYTHON: &[&str] = &[r"\x00([23]\.\d+\.\d+(?:(?:a|b|c|rc)\d+)?\+?)\x00"];
const REDIS: &[&str] = &[
    r"[^\d.](\d+\.\d+\.\d+)buildkitsandbox-\d{9}",
    r"[^\d.](\d+\.\d+\.\d+)\w{12}-\d{9}",
    r"(?:Redis|Valkey) version (\d+\.\d+\.\d+)",
    r"[^\d.](\d+\.\d+\.\d{1,3})1\d{9}0{9}[^\d]",
    r"[^\w.](\d+\.\d+\.\d+)[A-Za-z][\w.-]{1,63}-\d{13,19}\x00",
];
const RUBY: &[&str] = &[r"ruby (\d+\.\d+\.\d+(?:(?:p|preview|rc|dev)\d*)?) \("];
const FFMPEG: &[&str] = &[r"FFmpeg version n?(\d+\.\d+(?:\.\d+)?)"];

/// Every row.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    // Web servers and proxies.
    program("httpd", &["httpd", "apache2", "libhttpd.so"], &[r"Apache/(\d+\.\d+\.\d+)"]),
    program("nginx", &["nginx", "nginx-debug", "openresty"], &[r"nginx version: (?:nginx|openresty|[\w .-]{1,40})/(\d+\.\d+\.\d+(?:\+\d+)?(?:-\d+)?)"]),
    program("openresty", &["nginx", "openresty"], &[r"nginx version: openresty/(\d+(?:\.\d+)+)"]),
    program("tengine", &["nginx", "tengine"], &[r"Tengine version: Tengine/(\d+\.\d+\.\d+)", r"[^ ]Tengine/(\d+\.\d+\.\d+)"]),
    program("nginx-ingress-controller", &["nginx-ingress-controller"], &[
        linked!("version.RELEASE"),
        data!(r"\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\.\d+)?"),
        r"v(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\.\d+)?)\x00\x00",
        r"v(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\.\d+)?)\x00+.{0,50}?go\d+\.\d+\.\d+\x00",
        r"\x00v?(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\.\d+)?)\x00",
    ]),
    program("lighttpd", &["lighttpd"], &[r"lighttpd/(\d+\.\d+\.\d+)"]),
    program("haproxy", &["haproxy"], &[
        r"version (\d+\.\d+(?:\.|-dev|-rc)\d+)[^,\x00]{0,40}, released 20",
        r"HA-Proxy version (\d+\.\d+(?:\.|-dev)\d+)",
        r"(\d+\.\d+(?:\.|-dev)\d+)-[0-9a-f]{6,9}.{1,400}?HAProxy version",
        r"HAProxy version (\d+\.\d+(?:\.|-dev)\d+)",
        r"\x00(\d+\.\d+(?:\.|-dev|-rc)\d+)-[\w.+~-]{1,40}\x00.{0,500}?HAProxy",
    ]),
    program("envoy", &["envoy", "envoy-static"], &[
        r"\x00(1\.[3-9]\d\.\d+(?:-dev)?)\x00.{0,1000}?envoy[_.]reloadable_features",
        r"envoy_quic_.{0,1000}?\x00(1\.2\d\.\d+(?:-dev)?)\x00",
        r"\x00(1\.[12]\d\.\d+(?:-dev)?)\x00.{0,1000}?(?:Unable to|ValidationError)",
        r"\[source/.{0,200}?\x00(1\.1\d\.\d+(?:-dev)?)\x00",
        r"\x00(1\.\d\.\d+(?:-dev)?)\x00.{0,20}?RELEASE",
        r"\x00(1\.[2-9]\d\.\d+(?:-dev)?)\x00(?:TLS |.{0,1000}?envoy[/._:])",
    ]),
    program("traefik", &["traefik"], &[
        linked!("version.Version"),
        concat!(r"[^\w.+/@-]v?(", version!(), r")\x00"),
        concat!(r"[\x80-\xff][^\d.](", version!(), r")\x00"),
    ]),
    program("caddy", &["caddy"], &[r"\nmod\tgithub\.com/caddyserver/caddy/v2\tv(\d+\.\d+\.\d+(?:-[\w.]+)?)", r"\ndep\tgithub\.com/caddyserver/caddy/v2\tv(\d+\.\d+\.\d+(?:-[\w.]+)?)", r"caddyserver/caddy/v2@v(\d+\.\d+\.\d+)"]),
    program("squid", &["squid", "squid3"], &[r"squid/(\d+\.\d+(?:\.\d+)*)"]),
    program("varnish", &["varnishd"], &[r"varnish(?:d \(varnish)?-(\d+\.\d+\.\d+)"]),
    program("proftpd", &["proftpd"], &[r"ProFTPD Version (\d+\.\d+\.\d+[a-z]?)", r"ProFTPD (\d+\.\d+\.\d+[a-z]?)[ \x00]"]),
    program("istio", &["pilot-discovery", "pilot-agent"], ISTIO),

    // Databases and caches.
    program("arangodb", &["arangosh", "arangod"], &[r"(\d+\.\d+\.\d+(?:-\d+)?) (?:enterprise )?\[\w+\]"]),
    program("clickhouse", &["clickhouse", "clickhouse-server"], &[r"ClickHouse (\d+\.\d+\.\d+\.\d+)", r"v(\d+\.\d+\.\d+\.\d+)-(?:lts|stable|testing|prestable)"]),
    program("etcd", &["etcd", "etcdctl"], &[r"\tgo\.etcd\.io/etcd/api/v3\tv(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\.\d+)?)\t", r"go\.etcd\.io/etcd/api/v3@v(\d+\.\d+\.\d+)/"]),
    program("influxdb", &["influxd"], &[linked!("main.version")]),
    program("mariadb", &["mariadb", "mariadbd", "mysql", "mysqld"], MARIADB),
    program("memcached", &["memcached"], &[r"memcached (\d+\.\d+\.\d+)"]),
    program("mongodb", &["mongod", "mongos"], &[
        r"[^\d.](\d+\.\d+\.\d+)\x00(?:tcmalloc|\x00*(?:heap_size|cppdefines))",
        r"mongo/r(\d+\.\d+\.\d+)/",
    ]),
    Row {
        without: &["-MariaDB", "/mariadb-", "percona-server", "Percona-XtraDB-Cluster"],
        ..program("mysql", &["mysql"], &[
            r"\x00(\d+\.\d+\.\d+(?:(?:alpha|beta|rc)\d)?)\x00+mysql",
            r"/mysql-(\d+\.\d+\.\d+(?:(?:alpha|beta|rc)\d)?)",
        ])
    },
    program("mysql-cluster", &["mysqld", "ndbd", "ndbmtd", "ndb_mgmd"], CLUSTER),
    program("mysql-server", &["mysqld"], &[r"/mysql-(\d+\.\d+\.\d+(?:(?:alpha|beta|rc)\d)?)/", r"cluster-gpl\x00(\d+\.\d+\.\d+)-ndb-"]),
    program("percona-server", &["mysql", "mysqld"], &[r"/percona-server-(\d+\.\d+\.\d+)"]),
    program("percona-xtrabackup", &["xtrabackup"], &[r"/percona-xtrabackup-(\d+\.\d+\.\d+(?:(?:alpha|beta|rc)\d)?)"]),
    program("percona-xtradb-cluster", &["mysql", "mysqld"], &[r"/Percona-XtraDB-Cluster-(\d+\.\d+\.\d+)"]),
    Row { without: &["openGauss "], ..program("postgresql", &["postgres", "postmaster"], POSTGRES) },
    Row { without: &["Valkey version"], ..program("redis", &["redis-server", "redis-sentinel", "redis-check-rdb"], REDIS) },
    Row { with: &["valkey", "Valkey"], ..program("valkey", &["valkey-server", "valkey-sentinel", "valkey-check-rdb"], REDIS) },
    program("sqlcipher", &["sqlcipher", "libsqlcipher.so*"], &[r"[^\d]\x00(\d+\.\d+\.\d+)(?: community| enterprise| commercial)?\x00"]),
    program("tidb", &["tidb-server"], &[r"TiDBReleaseVersion=v(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)[.\d]*)?)"]),
    program("oceanbase", &["observer"], &[r"OceanBase(?:_CE)? (\d+\.\d+\.\d+(?:\.\d+)?)"]),
    program("opengauss", &["gaussdb"], &[r"openGauss (\d+\.\d+\.\d+)"]),
    program("dameng", &["dmserver"], &[r"DM Database Server (?:x?\d\d )?V(\d+(?:[.-]\d+)*)"]),
    program("kingbase", &["kingbase"], &[r"KingbaseES (V\d{3}R\d{3}C\d{3}(?:[BM]\d{3,4})?)"]),

    // Messages and discovery.
    program("consul", &["consul"], CONSUL).golang("github.com/hashicorp/consul"),
    program("mosquitto", &["mosquitto"], &[r"mosquitto version (\d+\.\d+\.\d+)", r"\x00(\d+\.\d+\.\d+)\x00.{0,4000}?mosquitto version %s"]),
    program("nats", &["nats-server"], &[linked!("server.serverVersion"), r"nats-io/nats-server/v2@v(\d+\.\d+\.\d+)"]),

    // Operations.
    program("chrome", &["chrome", "chromium"], &[r"\x00(\d+\.\d+\.\d+\.\d+)\x00(?:Default|chrome)"]),
    program("elastic-agent", &["elastic-agent"], &[r"enroll(?:: true)?(\d+\.\d+\.\d+)-?header", r"PM(\d+\.\d+\.\d+):https"]),
    program("auditbeat", &["auditbeat"], BEATS),
    program("filebeat", &["filebeat"], BEATS),
    program("heartbeat", &["heartbeat"], BEATS),
    program("metricbeat", &["metricbeat"], BEATS),
    program("packetbeat", &["packetbeat"], BEATS),
    Row { ecosystem: Ecosystem::Github, ..program("fluent/fluent-bit", &["fluent-bit"], &[
        r"\x00(\d+\.\d+\.\d+)\x00{1,3}(?:\x1b\[1m\x00)?(?:%s)?Fluent",
    ]) },
    program("gitea", &["gitea"], &[linked!("main.Version")]),
    program("grafana", &["grafana", "grafana-server", "grafana-cli"], &[
        linked!("main.version"),
        r"release-(\d+\.\d+\.\d+)(?:\+security-\d+)?\x00",
        r"[^\w.+/@-]((?:[5-9]|[1-9]\d)\.\d+\.\d+(?:-(?:beta\d+|test|preview|\d{5,}))?)(?:\+security-\d+)?\x00\x00",
        r"[^0-9.]((?:[5-9]|[1-9]\d)\.\d+\.\d+(?:-(?:beta\d+|test|preview|\d{5,}))?)(?:\+security-\d+)?\x00",
    ]),
    program("helm", &["helm"], &[
        linked!("version.version"),
        r"[^\w.+/-]v(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\.\d+)?)\x00\x00",
        r"[^\w.+/-]v(\d+\.\d+\.\d+(?:-(?:alpha|beta|rc)\.\d+)?)\x00",
    ]).golang("helm.sh/helm"),
    program("minio", &["minio"], &[r"RELEASE\.(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ)"]),
    program("prometheus", &["prometheus"], &[linked!("version.Version")]),
    program("vault", &["vault"], &[
        linked!("version.Version"),
        r"(?:revoke|state|016x)(1\.1[134]\.\d{1,2})",
        r"(?:revoke|state)(\d\.\d+\.\d+(?:-rc\d)?)",
        r"\x00(1\.\d{1,2}\.\d+)\x00",
    ]).golang("github.com/hashicorp/vault"),
    program("zabbix", &["zabbix_server", "zabbix_proxy", "zabbix_agentd", "zabbix_agent2"], &[r"Zabbix (\d+\.\d+\.\d+(?:(?:alpha|beta|rc)\d+)?)[^.\d]"]),

    // Runtimes and languages.
    program("bun", &["bun"], &[r"[Bb]un v?(\d+\.\d+\.\d+)", r"bun-(\d+\.\d+\.\d+)"]),
    program("dart", &["dart"], &[r"\x00(\d+\.\d+\.\d+(?:-[\d.]+(?:beta|dev))?) \((?:stable|beta|dev)\)"]),
    program("deno", &["deno"], &[
        r"Deno/(\d+\.\d+\.\d+)",
        r"deno-canary/[0-9a-z]{40}(\d+\.\d+\.\d+)",
        r"deno-[0-9a-z]{40}(?:release/v)?(\d+\.\d+\.\d+)",
        r"[^\d.](\d+\.\d+\.\d+)[0-9a-f]{40}DENO",
    ]),
    program("erlang", &["erlexec", "beam.smp", "liberts_internal.a"], ERLANG),
    program("gcc", &["gcc", "gcc-*", "x86_64-linux-gnu-gcc*", "aarch64-linux-gnu-gcc*"], &[r"\x00(\d+\.\d+\.\d+)\x00\([^)\x00]{1,80}\) \x00", r"GCC: \([^)\x00]{1,80}\) (\d+\.\d+\.\d+)"]),
    program("go", &["go", "go.exe"], GO),
    program("haskell/cabal", &["cabal"], &[r"cabal-install-(\d+\.\d+(?:\.\d+)+)(?:-\w+)*\x00", r"\x00Cabal-(\d+\.\d+(?:\.\d+)+)-"]),
    program("haskell/ghc", &["ghc", "ghc-*"], &[r"\x00GHC (\d+\.\d+\.\d+)\x00", r"libHSghc-(\d+\.\d+\.\d+)-(?:\w+-)?ghc\d+\.\d+\.\d+\.so\x00"]),
    program("haskell/stack", &["stack"], &[r"Version\s*(\d+\.\d+\.\d+),\s*Git", r"/stack-(\d+\.\d+\.\d+)(?:-\w+)*\x00"]),
    program("julia", &["libjulia-internal.so*", "libjulia.so*"], JULIA),
    program("node", &["node", "nodejs", "libnode.so.*"], &[
        r"node\.js/v(\d+\.\d+\.\d+)",
        r"nodejs\.org/(?:download/release|dist)/v(\d+\.\d+\.\d+)/",
        r"\x00(?:node )?v((?:0|4|5|6)\.\d+\.\d+)\x00",
    ]),
    program("oracle/graalvm", &["java", "jdb"], GRAAL),
    Row { with: &["openjdk\0java"], without: &["-jvmci-"], ..program("oracle/openjdk", &["java"], JAVA) },
    Row { with: &["openjdk"], without: &["-jvmci-"], ..program("oracle/openjdk", &["jdb"], JAVA) },
    Row { without: &["openjdk\0java", "-jvmci-"], ..program("oracle/jre", &["java"], JAVA) },
    Row { without: &["openjdk", "-jvmci-"], ..program("oracle/jdk", &["jdb"], JDB) },
    program("perl", &["perl", "perl5.*", "libperl.so.*"], PERL),
    program("php", &["php", "php-cgi", "php-cgi*", "php-fpm", "php-fpm*", "php5*", "php7*", "php8*", "lsphp", "libphp*"], PHP),
    program("composer", &["composer", "composer.phar", "composer-*.phar"], &[r"'pretty_version'\s*=>\s*'(\d+\.\d+\.\d+(?:(?:alpha|beta|RC)\d+)?)'", r"const VERSION = '(\d+\.\d+\.\d+(?:-(?:alpha|beta|RC)\d+)?)'"]),
    program("pypy", &["libpypy*", "pypy3*"], &[r"\[PyPy (\d+\.\d+\.\d+)"]),
    Row { as_named: true, ..program("python", &["python", "python2*", "python3*", "libpython*"], PYTHON) },
    program("ruby", &["ruby", "ruby*", "libruby*"], RUBY),
    program("rust", &["libstd-*.so", "libstd-*.dylib"], &[r"rustc version (\d+\.\d+\.\d+)(?:-[\w.]+)? \(\w+ \d{4}-", r"[^\w.-]?c (\d+\.\d+\.\d+)(?:-[\w.]+)? \([0-9a-f]{9} \d{4}-\d\d-\d\d\)"]),
    program("swipl", &["swipl"], &[r"swipl-(\d+\.\d+\.\d+)/", r"swi-prolog-(\d+\.\d+\.\d+)"]),

    // Libraries and tools that are in nearly everything.
    program("aws-lc", &["openssl", "libcrypto*"], &[r"AWS-LC (\d+\.\d+\.\d+)\)"]),
    program("bash", &["bash", "bash-static"], &[r"Bash version (\d+\.\d+\.\d+)\(\d+\) \w+ GNU"]),
    program("busybox", &["busybox", "busybox.*"], &[r"BusyBox v(\d+\.\d+\.\d+)"]),
    program("curl", &["curl", "libcurl.so.*", "libcurl-gnutls.so.*"], &[r"(?:lib)?curl/(\d+\.\d+\.\d+)"]),
    program("ffmpeg", &["ffmpeg", "ffprobe"], &[r"%s version n?(\d+\.\d+(?:\.\d+)?)"]),
    program("ffmpeg", &["libavcodec*", "libavformat*", "libavutil*", "libavfilter*", "libavdevice*", "libswresample*", "libswscale*"], FFMPEG),
    Row { with: &["not in gzip format"], ..program("gzip", &["gzip"], &[r"\x00(\d+\.\d+(?:\.\d+)?)\x00"]) },
    program("heimdal-krb5", &["libkrb5.so*"], &[r"Version: Heimdal (\d+(?:\.\d+){1,2})\s"]),
    Row { with: &["compact-output", "jq"], ..program("jq", &["jq"], &[r"\x00(?:jq-)?(1\.\d{1,3}(?:\.\d+)?)\x00"]) },
    program("krb5", &["libkrb5.so*"], &[r"KRB5_BRAND: krb5-\S+ (\d+(?:\.\d+){1,2})\s"]),
    program("openldap", &["ldapsearch", "slap*"], &[r"\$OpenLDAP: \w+ (\d+\.\d+\.\d+)"]),
    Row { without: &["AWS-LC "], ..program("openssl", &["openssl", "libcrypto.so*", "libssl.so*"], OPENSSL) },
    program("qtbase", &["libQtCore.so*", "libQt5Core.so*", "libQt6Core.so*"], &[r"\x00Qt (\d+\.\d+\.\d+) \(", r"QtCore library version (\d+\.\d+\.\d+)"]),
    program("util-linux", &["getopt"], &[r"util-linux (\d+\.\d+(?:\.\d+)?)\x00"]),
    program("wp-cli", &["wp", "wp-cli.phar"], &[r"wp-cli/wp-cli (\d+\.\d+\.\d+)"]),
    program("xz", &["xz"], &[r"xz \(XZ Utils\) (\d+\.\d+\.\d+)"]),
    Row { with: &["Zstandard", "zstd"], ..program("zstd", &["zstd"], &[r"\x00v(\d+\.\d+\.\d+)\x00"]) },
];

const CONSUL: &[&str] = &[
    r"CONSUL_VERSION: (\d+\.\d+\.\d+)",
    r#"GitDescribe=v?(\d+\.\d+\.\d+)[-+"\s]"#,
    r"\x00v(\d+\.\d+\.\d+)\x00",
];
const JDB: &[&str] =
    &[r"\x00(\d+\.\d+\.\d+(?:\.\d+)*[-_+]\w[\w.+-]*)\x00", r"\x00(\d+\.\d+\.\d+)\x00"];

impl Row {
    /// The same, as the Go module `name`.
    const fn golang(self, name: &'static str) -> Row {
        Row { ecosystem: Ecosystem::Golang, name, ..self }
    }
}
