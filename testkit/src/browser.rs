//! A real browser: Debian's `chromium`, driven through its `chromium-driver` (W3C WebDriver, and ChromeDriver's own
//! `goog/cdp` and `se/log`). A client crate such as fantoccini would bring some 45 crates for these dozen requests.
use crate::{http::ask, real::installed};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::{
    env, fs,
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Runs the driver until the input ends, which it does when the process that holds the other end is gone, however it
/// went. Then all that it started ends: it is of the same group.
const GUARD: &str = r#"
TMPDIR=$1 HOME=$1 chromedriver --port=0 &
read -r _
trap '' TERM; kill -TERM 0; wait; rm -rf "$1"
"#;
/// The name under which WebDriver passes elements (section 12).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How long anything may take to show.
const PATIENCE: Duration = Duration::from_secs(20);

/// A browser with one window and a profile of its own. It ends when dropped, and at the latest with this process.
pub struct Browser {
    guard: Child,
    host: String,
    session: String,
}

/// Something on a page.
pub struct Element<'a> {
    browser: &'a Browser,
    reference: Value,
}

/// Keys that write nothing (WebDriver, section 15.4.2).
pub mod keys {
    /// To what comes next.
    pub const TAB: &str = "\u{e004}";
    /// Confirms.
    pub const ENTER: &str = "\u{e007}";
    /// Holds until the end of the text.
    pub const SHIFT: &str = "\u{e008}";
    /// Away from here.
    pub const ESCAPE: &str = "\u{e00c}";
}

impl Browser {
    /// Starts one. `None`, said aloud, where it is not installed; with `PLIMSOLL_TEST_ALL=1` that is a failure.
    pub fn start() -> Option<Browser> {
        if !installed(&["chromedriver", "chromium"]) {
            return None;
        }
        let mut command = Command::new("sh");
        command.args(["-c", GUARD, "guard"]).arg(folder()).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut guard = command.spawn().unwrap();
        let mut lines = BufReader::new(guard.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines.find_map(|it| {
            Some(it.split_once("successfully on port ")?.1.trim_end_matches('.').to_owned())
        });
        // It goes on talking, and must not find that nobody listens.
        thread::spawn(move || lines.for_each(drop));
        let host = format!("127.0.0.1:{}", port.expect("chromedriver starts"));
        let mut browser = Browser { guard, host, session: String::new() };
        // The sandbox refuses to run as root, and shared memory is small in containers.
        let args = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--lang=en-US",
        ];
        let wanted = json!({"browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL"}, "goog:chromeOptions": {"args": args}});
        let made = browser.post("", &json!({"capabilities": {"alwaysMatch": wanted}}));
        browser.session = format!("/{}", made["sessionId"].as_str().unwrap());
        Some(browser)
    }

    /// Opens an address, and waits until it has loaded.
    pub fn go(&self, address: &str) {
        self.post("/url", &json!({"url": address}));
    }

    /// Where it is.
    pub fn at(&self) -> String {
        self.ask("GET", "/url", &Value::Null).unwrap().as_str().unwrap().to_owned()
    }

    /// What the body of a function answers in the page.
    pub fn run(&self, script: &str, arguments: &[Value]) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": arguments}))
    }

    /// What the body of a function, which may await, answers in the page.
    pub fn run_async(&self, script: &str, arguments: &[Value]) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1]; (async function () {{ {script} }}).apply(null, arguments)\
             .then(done, (why) => done({{ thrown: String(why) }}))"
        );
        let answer = self.post("/execute/async", &json!({"script": script, "args": arguments}));
        assert!(answer["thrown"].is_null(), "{answer}");
        answer
    }

    /// Waits until a script answers with what counts as true.
    pub fn until(&self, script: &str, arguments: &[Value]) -> Value {
        self.wait(&format!("{script} {arguments:?}"), || {
            let answer =
                self.ask("POST", "/execute/sync", &json!({"script": script, "args": arguments}));
            answer.ok().filter(|it| !matches!(it, Value::Null | Value::Bool(false)) && *it != "")
        })
    }

    /// Waits for something that shows, by a selector and by words that stand in it.
    pub fn find(&self, css: &str, words: &str) -> Element<'_> {
        const SCRIPT: &str = "return [...document.querySelectorAll(arguments[0])].find((it) => \
             it.checkVisibility() && (it.innerText || it.value || '').includes(arguments[1]))";
        let reference = self.until(SCRIPT, &[json!(css), json!(words)]);
        Element { browser: self, reference }
    }

    /// Clicks on something that shows, as soon as it can be clicked on.
    pub fn click(&self, css: &str, words: &str) {
        self.wait(&format!("{css} {words} can be clicked on"), || {
            self.find(css, words).click().ok()
        });
    }

    /// Writes into a field that shows, in the place of what is there.
    pub fn write(&self, css: &str, text: &str) {
        self.wait(&format!("{css} can be written to"), || self.find(css, "").write(text).ok());
    }

    /// Gives a file to a field that wants one.
    pub fn upload(&self, css: &str, path: &str) {
        self.find(css, "").ask("value", &json!({"text": path})).unwrap();
    }

    /// Chooses what has these words in a list that shows. The driver itself leaves out one of the events.
    pub fn choose(&self, css: &str, words: &str) {
        const SCRIPT: &str = "const list = document.querySelector(arguments[0]); \
             const option = [...list?.options ?? []].find((it) => it.text.includes(arguments[1])); \
             if (!option || !list.checkVisibility()) return false; \
             option.selected = true; \
             for (const kind of ['input', 'change']) list.dispatchEvent(new Event(kind, { bubbles: true })); \
             return true";
        self.until(SCRIPT, &[json!(css), json!(words)]);
    }

    /// Presses keys wherever the focus is.
    pub fn press(&self, keys: &str) {
        let mut down: Vec<_> =
            keys.chars().map(|it| json!({"type": "keyDown", "value": it})).collect();
        let up = keys.chars().rev().map(|it| json!({"type": "keyUp", "value": it}));
        down.extend(up);
        self.post(
            "/actions",
            &json!({"actions": [{"type": "key", "id": "keys", "actions": down}]}),
        );
    }

    /// A picture of the whole page, PNG.
    pub fn picture(&self) -> Vec<u8> {
        let whole = json!({"format": "png", "captureBeyondViewport": true});
        let taken = self.tell("Page.captureScreenshot", &whole);
        STANDARD.decode(taken["data"].as_str().unwrap()).unwrap()
    }

    /// All cookies that the page's server gets.
    pub fn cookies(&self) -> Vec<Value> {
        self.ask("GET", "/cookie", &Value::Null).unwrap().as_array().unwrap().clone()
    }

    /// Sets a cookie (WebDriver, section 14.3).
    pub fn set_cookie(&self, cookie: &Value) {
        self.post("/cookie", &json!({"cookie": cookie}));
    }

    /// Forgets all cookies that the page's server gets.
    pub fn forget(&self) {
        self.ask("DELETE", "/cookie", &Value::Null).unwrap();
    }

    /// What the console got since it was asked last: errors of scripts, what a policy blocked, what did not load.
    pub fn log(&self) -> Vec<Value> {
        self.post("/se/log", &json!({"type": "browser"})).as_array().unwrap().clone()
    }

    /// Makes the window so wide and so high; a narrow one is a phone's.
    pub fn size(&self, width: u32, height: u32) {
        let phone = width < 600;
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone});
        self.tell("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Whether its user likes it dark.
    pub fn dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": value}]);
        self.tell("Emulation.setEmulatedMedia", &json!({"features": features}));
    }

    /// Whether pages may run scripts; ours run in any case.
    pub fn scripts(&self, allowed: bool) {
        self.tell("Emulation.setScriptExecutionDisabled", &json!({"value": !allowed}));
    }

    /// Sends a command of the Chrome DevTools Protocol.
    pub fn tell(&self, command: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    fn wait<T>(&self, what: &str, found: impl Fn() -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(it) = found() {
                return it;
            }
            let text = || self.run("return document.body?.innerText", &[]);
            assert!(Instant::now() < end, "never: {what} at {}: {}", self.at(), text());
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn post(&self, command: &str, body: &Value) -> Value {
        self.ask("POST", command, body).unwrap_or_else(|err| panic!("{command} {body}: {err}"))
    }

    /// The value of an answer, or the name of the error and its message.
    fn ask(&self, method: &str, command: &str, body: &Value) -> Result<Value, String> {
        let target = format!("/session{}{command}", self.session);
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [("content-type", "application/json")];
        let reply = ask(&self.host, method, &target, &headers, text.as_bytes()).unwrap();
        let mut answer: Value = serde_json::from_slice(&reply.body).unwrap();
        match reply.status {
            200 => Ok(answer["value"].take()),
            _ => Err(format!("{}: {}", answer["value"]["error"], answer["value"]["message"])),
        }
    }
}

impl Element<'_> {
    /// Clicks in its middle.
    pub fn click(&self) -> Result<(), String> {
        self.ask("click", &json!({}))
    }

    /// Writes into it, in the place of what is there.
    pub fn write(&self, text: &str) -> Result<(), String> {
        self.ask("clear", &json!({}))?;
        if text.is_empty() { Ok(()) } else { self.ask("value", &json!({"text": text})) }
    }

    /// What can be read of it.
    pub fn text(&self) -> String {
        let of = std::slice::from_ref(&self.reference);
        self.browser.run("return arguments[0].innerText", of).as_str().unwrap().to_owned()
    }

    fn ask(&self, command: &str, body: &Value) -> Result<(), String> {
        let id = self.reference[ELEMENT].as_str().unwrap();
        self.browser.ask("POST", &format!("/element/{id}/{command}"), body).map(drop)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        drop(self.guard.wait());
    }
}

/// Where the profile and all else that it writes is.
fn folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = env::temp_dir().join(format!("plimsoll-browser-{}-{count}", std::process::id()));
    // Left by a process of this number, on a machine that stopped in the middle.
    drop(fs::remove_dir_all(&folder));
    fs::create_dir(&folder).unwrap();
    folder
}
