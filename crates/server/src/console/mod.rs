//! The console: pages for people, rendered on the server from the same functions that answer the API. Reading needs no
//! script; what changes something is sent to the API by the script.
mod home;
mod image;
mod images;
mod login;
mod risk;
mod settings;
mod show;
mod tasks;
mod words;

use crate::{
    Code, Problem,
    call::{Call, header},
    receive::Query,
    reply::{Cookie, Gives, Output, Redirect, Reply, WithCookies},
    route::{Route, page},
    try_it::{File, PAGE_POLICY},
    views::Session,
    who::{Role, cookie},
};
use askama::Template;
use axum::http::{HeaderMap, header as names};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Deserialize;
use words::{EN, Words, ZH};

/// The cookie that says which language somebody chose.
const LANGUAGE: &str = "plimsoll_language";

/// The pages, and what they are made of.
#[rustfmt::skip]
pub(crate) fn table() -> Vec<Route> {
    use crate::route::Access::{Anyone, Role as Only};
    let viewer = Only(Role::Viewer);
    vec![
        page("/", viewer, home::system),
        page("/application", viewer, home::application),
        page("/registries", viewer, home::registries),
        page("/images", viewer, images::list),
        page("/images/{digest}", viewer, image::findings),
        page("/images/{digest}/components", viewer, image::components),
        page("/images/{digest}/layers", viewer, image::layers),
        page("/images/{digest}/fix-plan", viewer, image::plan),
        page("/images/{digest}/timeline", viewer, image::timeline),
        page("/risks/{name}", viewer, risk::page),
        page("/tasks", viewer, tasks::list),
        page("/tasks/{id}", viewer, tasks::one),
        page("/settings", viewer, settings::page),
        page("/login", Anyone, login::page),
        page("/language", Anyone, choose),
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
        let demo = call.app.demo;
        Frame { who, here, at, demo, ..Frame::bare(words(&call.headers)) }
    }

    /// One for somebody who is not known.
    fn bare(w: &'static Words) -> Frame {
        let at = "/".to_owned();
        let sections = [
            ("/", w.image_security),
            ("/images", w.images),
            ("/tasks", w.tasks),
            ("/settings", w.settings),
        ];
        Frame { w, who: None, here: "", sections, at, demo: false }
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

/// Which language, and where somebody was.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Chosen {
    to: String,
    #[serde(default)]
    back: String,
}

fn choose(call: &Call, Query(chosen): Query<Chosen>) -> Result<WithCookies<Redirect>, Problem> {
    let value = if chosen.to == ZH.language { ZH.language } else { EN.language };
    let (name, value, path) = (LANGUAGE, value.to_owned(), "/");
    let secure = call.app.settings.encrypted();
    let cookie = Cookie { name, value, path, seconds: 365 * 86_400, secure };
    Ok(WithCookies(Redirect(within(&chosen.back)), vec![cookie]))
}

/// A path of this server: whatever could name another one becomes the first page.
fn within(path: &str) -> String {
    let ours = path.starts_with('/') && !path.starts_with("//");
    let plain = path.bytes().all(|it| it.is_ascii_graphic() && it != b'\\');
    if ours && plain { path.to_owned() } else { "/".to_owned() }
}

/// What somebody sees who cannot have a page: where to log in, or why not.
pub(crate) fn refuse(
    (headers, demo): (&HeaderMap, bool),
    path: &str,
    problem: &Problem,
    request: &str,
) -> Reply {
    if problem.code == Code::Unauthenticated {
        let target = net::encode(path);
        return Reply::empty(303).header(names::LOCATION, format!("/login?target={target}"));
    }
    let w = words(headers);
    let title = if problem.code == Code::NotFound { w.not_there } else { w.not_possible };
    let frame = Frame { demo, ..Frame::bare(w) };
    let page = Refused { frame, title, detail: &problem.detail, request };
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
