//! The key of the role that an ECS instance has, from its metadata service (Elastic Compute
//! Service, "Instance metadata" and "Instance RAM roles").
use crate::{
    AccessKey, Role,
    flavor::check::{Problem, Trouble, date},
    token::Lease,
};
use jiff::Timestamp;
use net::{Client, Method, Request, Response, Secret, Url};
use serde::Deserialize;

/// How long the metadata service shall know us.
const TOKEN_SECONDS: &str = "300";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    code: Option<String>,
    access_key_id: String,
    access_key_secret: String,
    security_token: String,
    expiration: Timestamp,
}

pub(crate) fn key(client: &Client, role: &Role) -> Result<Lease<AccessKey>, Problem> {
    let base = role.metadata.trim_end_matches('/');
    let token = token(client, base)?;
    let folder = format!("{base}/latest/meta-data/ram/security-credentials/");
    let name = match &role.name {
        Some(it) => it.clone(),
        None => text(read(client, &folder, token.as_ref())?)?.trim().to_owned(),
    };
    let response = read(client, &format!("{folder}{}", net::encode(&name)), token.as_ref())?;
    let now = date(&response).unwrap_or_else(Timestamp::now);
    // Nothing of a strange answer is quoted: the key may be in it.
    let strange = || Problem::new(Trouble::Strange, format!("what {base} gives for role `{name}`"));
    let given: Given = serde_json::from_str(&text(response)?).map_err(|_| strange())?;
    if given.code.as_deref().is_some_and(|it| it != "Success") {
        return Err(strange());
    }
    let key = AccessKey {
        id: given.access_key_id,
        secret: Secret::new(given.access_key_secret),
        token: Some(Secret::new(given.security_token)),
    };
    Ok(Lease::until(key, given.expiration, now))
}

/// What hardened machines want to see; the others don't have it.
fn token(client: &Client, base: &str) -> Result<Option<Secret>, Problem> {
    let request = Request::new(Method::Put, Url::parse(&format!("{base}/latest/api/token"))?)
        .header("x-aliyun-ecs-metadata-token-ttl-seconds", TOKEN_SECONDS)
        .hurried(true);
    let response = client.send(&request)?;
    match response.status {
        200 => Ok(Some(Secret::new(text(response)?.trim()))),
        _ => Ok(None),
    }
}

fn read(client: &Client, place: &str, token: Option<&Secret>) -> Result<Response, Problem> {
    let mut request = Request::get(Url::parse(place)?).hurried(true);
    if let Some(it) = token {
        request = request.secret("x-aliyun-ecs-metadata-token", it.clone());
    }
    let response = client.send(&request)?;
    match response.status {
        200 => Ok(response),
        404 => {
            let words = format!(
                "{place}: this machine has no such role; give it one, or use an access key"
            );
            Err(Problem::new(Trouble::Credentials, words))
        }
        it => Err(Problem::new(Trouble::Unreachable, format!("{place}: it answers {it}"))),
    }
}

fn text(response: Response) -> Result<String, Problem> {
    let place = response.url.to_string();
    let strange = |_| Problem::new(Trouble::Strange, format!("{place}: not text"));
    String::from_utf8(response.bounded(64 << 10)?).map_err(strange)
}
