//! The console: pages for people, rendered on the server from the same functions that answer the API. Reading needs no
//! script; what changes something is sent to the API by the script.
mod accounts;
mod address;
mod cvss;
mod exception;
mod home;
mod image;
mod images;
mod login;
mod meanings;
mod picture;
mod registries;
mod risk;
mod sample;
mod sentences;
mod settings;
mod show;
mod tasks;
pub(crate) mod translate;
mod words;

use crate::{
    Code, Problem,
    call::{Call, header},
    receive::Query,
    reply::{Cookie, Gives, Output, Redirect, Reply, WithCookies},
    route::{Route, form, page},
    try_it::{File, PAGE_POLICY},
    views::Session,
    who::{Role, cookie},
};
use askama::Template;
use axum::http::{HeaderMap, header as names};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Deserialize;
use std::borrow::Cow;
use words::{EN, Words, ZH};

/// The cookie that says which language somebody chose.
const LANGUAGE: &str = "plimsoll_language";

/// The cookie that says which theme somebody chose.
const THEME: &str = "plimsoll_theme";

/// The pages, and what they are made of.
#[rustfmt::skip]
pub(crate) fn table() -> Vec<Route> {
    use crate::route::Access::{Anyone, Role as Only};
    let viewer = Only(Role::Viewer);
    vec![
        page("/", viewer, home::system),
        page("/application", viewer, home::application),
        page("/malware", viewer, home::malware),
        page("/registries", viewer, registries::list),
        page("/registries/{id}", viewer, registries::one),
        page("/accounts/{id}", viewer, accounts::page),
        page("/images", viewer, images::list),
        page("/images/{digest}", viewer, image::findings::page),
        page("/images/{digest}/components", viewer, image::components),
        page("/images/{digest}/layers", viewer, image::layers),
        page("/images/{digest}/fix-plan", viewer, image::plan),
        page("/images/{digest}/timeline", viewer, image::timeline),
        page("/images/{digest}/compare", viewer, image::compare::page),
        page("/components", viewer, images::components),
        page("/risks/{name}", viewer, risk::page),
        page("/tasks", viewer, tasks::list),
        page("/tasks/{id}", viewer, tasks::one),
        page("/settings", viewer, settings::scan::page),
        page("/settings/scope", viewer, settings::scope::page),
        page("/settings/quota", viewer, settings::quota::page),
        page("/settings/advisories", viewer, settings::advisories::page),
        page("/settings/rules", viewer, settings::rules::page),
        page("/settings/rules/new", Only(Role::Admin), settings::rules::new),
        page("/settings/rules/{id}", viewer, settings::rules::text),
        page("/settings/exceptions", viewer, settings::exceptions::page),
        page("/settings/notifications", Only(Role::Admin), settings::notifications::page),
        page("/settings/people", Only(Role::Admin), settings::people::page),
        page("/settings/tokens", viewer, settings::tokens::page),
        page("/settings/password", viewer, settings::tokens::password),
        page("/settings/audit", Only(Role::Admin), settings::audit::page),
        page("/login", Anyone, login::page),
        form("/login", Anyone, "logIn", login::log_in),
        form("/setup", Anyone, "setUp", login::set_up),
        page("/language", Anyone, choose_language),
        page("/theme", Anyone, choose_theme),
        page("/favicon.ico", Anyone, |_, ()| Ok(File("image/svg+xml", include_str!("mark.svg")))),
        page("/console.css", Anyone, |_, ()| Ok(File("text/css; charset=utf-8", include_str!("console.css")))),
        page("/console.js", Anyone, |_, ()| Ok(File("text/javascript; charset=utf-8", include_str!("console.js")))),
    ]
}

/// A page that is done.
pub(crate) struct Html(u16, String);

/// What stands around every page.
pub(crate) struct Frame {
    pub(crate) w: &'static Words,
    pub(crate) who: Option<Session>,
    /// The path of the page within the side bar.
    pub(crate) here: &'static str,
    /// The paths and names in the side bar.
    pub(crate) sections: [(&'static str, &'static str); 4],
    /// The address of the page.
    pub(crate) at: String,
    /// The theme that was chosen, and the one that comes after it.
    pub(crate) theme: [&'static str; 2],
    /// Whether all images are made up.
    pub(crate) demo: bool,
}

#[derive(Template)]
#[template(path = "error.html")]
struct Refused<'a> {
    frame: Frame,
    title: &'a str,
    detail: &'a str,
    request: &'a str,
}

impl Frame {
    pub(crate) fn new(call: &Call, here: &'static str) -> Frame {
        let session =
            |it: &crate::who::Who| Session { person: it.id, name: it.name.clone(), role: it.role };
        let who = call.who.as_ref().map(session);
        let at = call.uri.path_and_query().map_or("/", |it| it.as_str()).to_owned();
        Frame { who, here, at, ..Frame::bare(&call.headers, call.app.demo) }
    }

    /// One for somebody who is not known.
    pub(crate) fn bare(headers: &HeaderMap, demo: bool) -> Frame {
        let w = words(headers);
        let chosen = cookie(headers, THEME).unwrap_or_default();
        let theme = match chosen {
            "light" => ["light", "dark"],
            "dark" => ["dark", "auto"],
            _ => ["auto", "light"],
        };
        let at = "/".to_owned();
        let sections = [
            ("/", w.image_security),
            ("/images", w.images),
            ("/tasks", w.tasks),
            ("/settings", w.settings),
        ];
        Frame { w, who: None, here: "", sections, at, theme, demo }
    }

    /// What a theme is called.
    pub(crate) fn theme_name(&self, theme: &str) -> &'static str {
        match theme {
            "light" => self.w.theme_light,
            "dark" => self.w.theme_dark,
            _ => self.w.theme_auto,
        }
    }

    /// Whether whoever looks at the page may change everything.
    pub(crate) fn administers(&self) -> bool {
        self.who.as_ref().is_some_and(|it| it.role == Role::Admin)
    }

    /// Whether whoever looks at the page may change things.
    pub(crate) fn operates(&self) -> bool {
        self.who.as_ref().is_some_and(|it| it.role >= Role::Operator)
    }
}

/// What to do when scans fail for such a reason.
pub(crate) fn advice(code: &str, chinese: bool) -> Option<&'static str> {
    show::advice(code, if chinese { &ZH } else { &EN })
}

/// Renders a page.
pub(crate) fn html(page: &impl Template) -> Result<Html, Problem> {
    let text = page.render().map_err(|err| Problem::internal(err.to_string()))?;
    Ok(Html(200, text))
}

/// The language that somebody chose, or else the one that the browser likes best of those there are.
fn words(headers: &HeaderMap) -> &'static Words {
    let chosen = cookie(headers, LANGUAGE);
    let liked = header(headers, "accept-language").unwrap_or_default();
    let of = |it: &str| match it.trim().get(..2) {
        Some("zh" | "ZH") => Some(&ZH),
        Some("en" | "EN") => Some(&EN),
        _ => None,
    };
    chosen.and_then(of).or_else(|| liked.split(',').find_map(of)).unwrap_or(&EN)
}

/// A sentence of the program as somebody reads it.
pub(crate) fn sentence(text: &str, chinese: bool) -> Cow<'_, str> {
    show::sentence(text, if chinese { &ZH } else { &EN })
}

/// What a malicious file is, as somebody reads it.
pub(crate) fn threat(title: &str, chinese: bool) -> Cow<'_, str> {
    show::threat(title, if chinese { &ZH } else { &EN })
}

/// Whether somebody reads Chinese.
pub(crate) fn chinese(headers: &HeaderMap) -> bool {
    words(headers).language == ZH.language
}

/// Which language or theme, and where somebody was.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Chosen {
    to: String,
    #[serde(default)]
    back: String,
}

fn choose_language(
    call: &Call,
    Query(it): Query<Chosen>,
) -> Result<WithCookies<Redirect>, Problem> {
    let value = if it.to == ZH.language { ZH.language } else { EN.language };
    Ok(choose(call, LANGUAGE, value, &it.back))
}

fn choose_theme(call: &Call, Query(it): Query<Chosen>) -> Result<WithCookies<Redirect>, Problem> {
    let value = if matches!(it.to.as_str(), "light" | "dark") { &it.to } else { "auto" };
    Ok(choose(call, THEME, value, &it.back))
}

fn choose(call: &Call, name: &'static str, value: &str, back: &str) -> WithCookies<Redirect> {
    let (value, secure) = (value.to_owned(), call.app.settings.encrypted());
    let cookie = Cookie { name, value, path: "/", seconds: 365 * 86_400, secure };
    WithCookies(Redirect(within(back)), vec![cookie])
}

/// A path of this server: whatever could name another one becomes the first page.
fn within(path: &str) -> String {
    let ours = path.starts_with('/') && !path.starts_with("//");
    let plain = path.bytes().all(|it| it.is_ascii_graphic() && it != b'\\');
    if ours && plain { path.to_owned() } else { "/".to_owned() }
}

/// What somebody sees who cannot have a page: where to log in, or why not.
pub(crate) fn refuse(frame: Frame, path: &str, problem: &Problem, request: &str) -> Reply {
    if problem.code == Code::Unauthenticated {
        let target = net::encode(path);
        return Reply::empty(303).header(names::LOCATION, format!("/login?target={target}"));
    }
    let w = frame.w;
    let title = if problem.code == Code::NotFound { w.not_there } else { w.not_possible };
    let detail = &show::sentence(&problem.detail, w);
    let page = Refused { frame, title, detail, request };
    let text = page.render().unwrap_or_else(|_| problem.detail.clone());
    html_reply(problem.code.status(), text)
}

fn html_reply(status: u16, text: String) -> Reply {
    let reply = Reply::new(status, "text/html; charset=utf-8", text);
    reply.header(names::CONTENT_SECURITY_POLICY, PAGE_POLICY)
}

impl Output for Html {
    fn reply(&self) -> Result<Reply, Problem> {
        Ok(html_reply(self.0, self.1.clone()))
    }

    fn describe(_: &mut SchemaGenerator) -> Gives {
        Gives { status: 200, body: None }
    }
}
