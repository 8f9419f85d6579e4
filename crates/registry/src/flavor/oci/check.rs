//! Whether a distribution API answers, knows us, and lists what it has.
use super::list::{artifacts, repositories};
use crate::{
    Connection, Login, SourceError,
    challenge::Challenge,
    flavor::{
        Check,
        check::{Problem, Trouble},
    },
};
use net::Response;

pub(crate) fn check(connection: &Connection) -> Check {
    let response = match connection.probe("/v2/") {
        Ok(it) => it,
        Err(problem) => return Check::default().failed(problem),
    };
    let mut check = Check { product: product(&response), ..Check::default() };
    check.clock(&response);
    if !matches!(response.status, 200 | 401) || !is_registry(&response) {
        let (name, status) = (connection.name(), response.status);
        let words = format!(
            "{name} is no registry: it answers {status} at /v2/; is there a path or another port?"
        );
        return check.failed(Problem::new(Trouble::OtherKind, words));
    }
    match rights(connection, &mut check) {
        Ok(()) => check,
        Err(problem) => check.failed(problem),
    }
}

fn rights(connection: &Connection, check: &mut Check) -> Result<(), Problem> {
    let page = match repositories(connection, None) {
        Ok(it) => it,
        Err(error @ SourceError::Unauthorized(_)) => return Err(unknown(connection, error)),
        Err(error) => return Err(error.into()),
    };
    check.lists = true;
    let Some(first) = page.items.first() else { return Ok(()) };
    match artifacts(connection, first, None) {
        // It may be empty, or have gone meanwhile.
        Ok(_) | Err(SourceError::NotFound(_)) => Ok(()),
        Err(error) => Err(Problem::missing(error, "pull")),
    }
}

/// The catalog is closed: to us, or to everybody we are not?
fn unknown(connection: &Connection, error: SourceError) -> Problem {
    let login = matches!(connection.access.login, Login::Registry(_));
    match connection.session.get("/v2/", "", &[]) {
        Ok(_) if login => Problem::missing(error, "registry: catalog"),
        _ => Problem::new(Trouble::Credentials, error.to_string()),
    }
}

/// By the header that all of them have sent since the first, or by asking for a token.
fn is_registry(response: &Response) -> bool {
    response.header("docker-distribution-api-version").is_some()
        || Challenge::choose(response.headers("www-authenticate")).is_some()
        || response.header("content-type").is_some_and(|it| it.contains("json"))
}

/// Who it is, by what it says on the way.
fn product(response: &Response) -> Option<String> {
    let service = match Challenge::choose(response.headers("www-authenticate")) {
        Some(Challenge::Bearer { service, .. }) => service.unwrap_or_default(),
        _ => String::new(),
    };
    let known = [
        ("harbor-registry", "Harbor; of the kind `harbor`, more can be seen"),
        ("registry.aliyuncs.com", "Alibaba Cloud Container Registry; try the kind `acr`"),
        ("registry.docker.io", "Docker Hub"),
        ("ghcr.io", "GitHub Container Registry"),
        ("container_registry", "GitLab"),
    ];
    let found = known.iter().find(|it| service.starts_with(it.0)).map(|it| it.1.to_owned());
    found.or_else(|| response.header("server").map(str::to_owned))
}
