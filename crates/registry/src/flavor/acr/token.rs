//! User and password for pulling, which last an hour or so, and which instance an address is of.
use super::call::{Api, Place, leased};
use crate::{
    Access, Connection, Credential, Keychain, SourceError,
    challenge::Challenge,
    flavor::check::{Problem, Trouble},
    token::Lease,
};
use jiff::Timestamp;
use net::{Request, Response, Secret, Url};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    temp_username: String,
    authorization_token: String,
    /// Milliseconds since 1970.
    expire_time: i64,
}

/// A keychain that asks the API for a password whenever the last one ends.
pub(crate) fn keys(access: &Access, name: &str, api: &Arc<Api>) -> Result<Keychain, SourceError> {
    if access.address.is_empty() {
        return Ok(Keychain::new());
    }
    let (api, origin) = (Arc::clone(api), api.client.origin(name)?);
    Ok(Keychain::new().with_renewal(name, Box::new(move || Ok(password(&api, &origin)?))))
}

pub(crate) fn password(api: &Api, origin: &Url) -> Result<Credential, Problem> {
    let place = place(api, origin)?;
    leased(&api.password, || {
        let instance = [("InstanceId", place.instance.as_str())];
        let (given, now): (Given, _) =
            api.call(&place.region, "GetAuthorizationToken", &instance)?;
        let password = Secret::new(given.authorization_token);
        let credential = Credential::Basic { user: given.temp_username, password };
        let until = Timestamp::from_millisecond(given.expire_time).unwrap_or(Timestamp::MAX);
        Ok(Lease::until(credential, until, now.unwrap_or_else(Timestamp::now)))
    })
}

/// The instance of a connection.
pub(crate) fn here(connection: &Connection) -> Result<(&Api, &Place), Problem> {
    let missing = || Problem::new(Trouble::Settings, "an account is missing");
    let api = connection.acr.as_deref().ok_or_else(missing)?;
    if connection.access.address.is_empty() {
        let words = "an account holds no images itself; choose one of its instances";
        return Err(Problem::new(Trouble::Settings, words));
    }
    Ok((api, place(api, connection.origin())?))
}

/// Where the instance is: told, or asked of the registry itself, which names it to everybody.
fn place<'a>(api: &'a Api, origin: &Url) -> Result<&'a Place, Problem> {
    if let Some(it) = api.place.get() {
        return Ok(it);
    }
    let response = api.client.send(&Request::get(origin.join("/v2/")?).hurried(true))?;
    let found = instance_of(&response)?;
    Ok(api.place.get_or_init(|| found))
}

fn instance_of(response: &Response) -> Result<Place, Problem> {
    let host = response.url.authority();
    let service = match Challenge::choose(response.headers("www-authenticate")) {
        Some(Challenge::Bearer { service: Some(it), .. }) => it,
        _ => String::new(),
    };
    match parse(&service) {
        Service::Enterprise(it) => Ok(it),
        Service::Personal => {
            let words = format!(
                "{host} is of the Personal Edition, which cannot be watched; use an instance of the Enterprise Edition, or add it as a registry of the kind `oci` with user, password and the list of its repositories"
            );
            Err(Problem::new(Trouble::OtherKind, words))
        }
        Service::Other => {
            let words = format!("{host} is no Alibaba Cloud Container Registry");
            Err(Problem::new(Trouble::OtherKind, words))
        }
    }
}

#[derive(Debug, Eq, PartialEq)]
enum Service {
    Enterprise(Place),
    Personal,
    Other,
}

/// What a registry of Alibaba's calls its token service: product, region, and last the instance,
/// where there is one.
fn parse(service: &str) -> Service {
    let parts: Vec<&str> = service.split(':').collect();
    match parts.as_slice() {
        [product, region, .., last]
            if product.eq_ignore_ascii_case("registry.aliyuncs.com")
                && last.starts_with("cri-") =>
        {
            let (region, instance) = ((*region).to_owned(), (*last).to_owned());
            Service::Enterprise(Place { region, instance })
        }
        [product, _, ..] if product.eq_ignore_ascii_case("registry.aliyuncs.com") => {
            Service::Personal
        }
        _ => Service::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_strings_tell_the_edition() {
        let check = |text: &str, service: Service| assert_eq!(parse(text), service, "{text}");
        let place = |region: &str, instance: &str| {
            Service::Enterprise(Place { region: region.to_owned(), instance: instance.to_owned() })
        };
        check("registry.aliyuncs.com:cn-hangzhou:china:cri-abc", place("cn-hangzhou", "cri-abc"));
        check("registry.aliyuncs.com:us-west-1:cri-abc", place("us-west-1", "cri-abc"));
        check("registry.aliyuncs.com:cn-hangzhou:26842", Service::Personal);
        check("registry.aliyuncs.com:cn-hangzhou", Service::Personal);
        check("registry.aliyuncs.com", Service::Other);
        check("harbor-registry", Service::Other);
        check("", Service::Other);
    }
}
