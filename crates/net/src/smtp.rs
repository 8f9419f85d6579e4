//! Hands mail to a server: SMTP (RFC 5321), encrypted from the start (RFC 8314) or by STARTTLS (RFC 3207), with a password
//! if the server wants one (RFC 4954).
use crate::{
    Client, Error, Secret, Timeouts,
    error::{explain, explain_io},
    line::Line,
    outside::addresses,
    relay::{Relay, Security, is_mailbox},
    tls,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// The most recipients of one letter (RFC 5321, 4.5.3.1.8).
const RECIPIENTS: usize = 100;

/// The longest line of a letter without its end (RFC 5322, 2.1.1).
const LONGEST: usize = 998;

/// So many times longer than for another answer is waited for the one to a letter (RFC 5321, 4.5.3.2: servers work on it
/// before they take it), and for everything together.
const PATIENCE: u32 = 3;
const ALL: u32 = 5;

/// What is handed over. Addresses and content are ASCII; the content has its headers in front and lines that end in CR LF.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// The sender.
    pub from: &'a str,
    /// The recipients.
    pub to: &'a [String],
    /// Headers and text.
    pub content: &'a str,
}

impl Client {
    /// Hands `letter` to `relay`, once and directly (proxies are for HTTP), and says who of the recipients was refused and
    /// why: nobody, or some, but not all. Of the settings of its host count limits, timeouts and authorities.
    ///
    /// # Errors
    /// When nobody will get it, and sometimes when it is not known whether anybody will.
    pub fn mail(
        &self,
        relay: &Relay,
        login: Option<(&str, &Secret)>,
        letter: &Letter<'_>,
    ) -> Result<Vec<String>, Error> {
        letter.check()?;
        if login.is_some() && !relay.secure() {
            return Err(Error::Settings(format!("{relay}: a password is only sent encrypted")));
        }
        let host = self.named(&relay.host, relay.port).1;
        let timeouts = self.timeouts(host);
        let limits = host.and_then(|it| it.limits).unwrap_or(self.shared.settings.limits);
        let (_permit, wait) = self.shared.pace.enter(&relay.authority(), limits);
        (self.shared.settings.sleep)(wait);
        let stream = connect(relay, timeouts, self.shared.settings.outside)?;
        let end = Instant::now().checked_add(timeouts.answer.saturating_mul(ALL));
        let mut talk = Talk { relay, timeouts, line: Line::new(stream, timeouts.idle, end) };
        let encrypt = |talk: &mut Talk<'_>| {
            let config = tls::plain_config(&host.cloned().unwrap_or_default(), self.roots())?;
            talk.line.encrypt(&relay.host, config).map_err(|err| broken(relay, &err))
        };
        if relay.security == Security::Tls {
            encrypt(&mut talk)?;
        }
        talk.hear(&[220], timeouts.answer)?;
        let mut offers = talk.hello()?;
        if relay.security == Security::StartTls {
            if !offers.iter().any(|it| it == "STARTTLS") {
                let text =
                    format!("{relay}: it does not offer STARTTLS, and nothing is sent without");
                return Err(Error::Tls(text));
            }
            talk.say("STARTTLS", &[220])?;
            encrypt(&mut talk)?;
            // What was said before may have come from anybody (RFC 3207, 4.2).
            offers = talk.hello()?;
        }
        if let Some((user, password)) = login {
            talk.log_in(&offers, user, password)?;
        }
        let refused = talk.hand_over(letter)?;
        // It has the letter: whatever it says now changes nothing.
        drop(talk.say("QUIT", &[221]));
        Ok(refused)
    }
}

fn connect(relay: &Relay, timeouts: &Timeouts, outside: bool) -> Result<TcpStream, Error> {
    let mut last = Error::UnknownHost(format!("{relay}: no such host"));
    let found = addresses(&relay.authority(), timeouts.connect, outside);
    for it in found.map_err(|err| explain(relay, err))? {
        match TcpStream::connect_timeout(&it, timeouts.connect) {
            Ok(it) => return Ok(it),
            Err(err) => last = explain_io(relay, &err),
        }
    }
    Err(last)
}

impl Letter<'_> {
    /// Nothing in it may be taken for a command.
    fn check(&self) -> Result<(), Error> {
        let bad = |why: &str| Err(Error::Url(why.to_owned()));
        if self.to.is_empty() || self.to.len() > RECIPIENTS {
            return bad("a letter has from 1 to 100 recipients");
        }
        if let Some(it) =
            self.to.iter().map(String::as_str).chain([self.from]).find(|it| !is_mailbox(it))
        {
            return Err(Error::Url(format!("{it:?} is not an address for mail")));
        }
        let sound = |it: &str| {
            it.len() <= LONGEST && it.bytes().all(|it| it == b'\t' || (b' '..=b'~').contains(&it))
        };
        if !self.content.split("\r\n").all(sound) {
            return bad("the letter has a line that cannot be sent");
        }
        Ok(())
    }
}

/// A conversation.
struct Talk<'a> {
    relay: &'a Relay,
    timeouts: &'a Timeouts,
    line: Line,
}

impl Talk<'_> {
    /// Introduces us, and gives what the server offers, in upper case. By address: our name is nobody's business, and
    /// machines in containers have none.
    fn hello(&mut self) -> Result<Vec<String>, Error> {
        let me = match self.line.local() {
            Some(SocketAddr::V4(it)) => format!("[{}]", it.ip()),
            Some(SocketAddr::V6(it)) => format!("[IPv6:{}]", it.ip()),
            None => "[127.0.0.1]".to_owned(),
        };
        let said = self.say(&format!("EHLO {me}"), &[250])?;
        Ok(said.iter().skip(1).map(|it| it.to_ascii_uppercase()).collect())
    }

    fn log_in(&mut self, offers: &[String], user: &str, password: &Secret) -> Result<(), Error> {
        let auth = offers.iter().find_map(|it| it.strip_prefix("AUTH "));
        let can = |name: &str| auth.is_some_and(|it| it.split(' ').any(|it| it == name));
        let encode = |it: &str| BASE64_STANDARD.encode(it);
        let password = password.reveal();
        let (both, single) = (encode(&format!("\0{user}\0{password}")), encode(password));
        let outcome = if can("PLAIN") {
            self.say(&format!("AUTH PLAIN {both}"), &[235])
        } else if can("LOGIN") {
            self.say("AUTH LOGIN", &[334])
                .and_then(|_| self.say(&encode(user), &[334]))
                .and_then(|_| self.say(&single, &[235]))
        } else {
            let text = format!("{}: it offers neither AUTH PLAIN nor AUTH LOGIN", self.relay);
            Err(Error::Declined(text))
        };
        // Some servers repeat what they do not like.
        let hide = |it: String| {
            [&both, &single, password].iter().fold(it, |it, secret| it.replace(*secret, "***"))
        };
        outcome.map(drop).map_err(|err| match err {
            Error::Declined(it) => Error::Declined(hide(it)),
            Error::Malformed(it) => Error::Malformed(hide(it)),
            other => other,
        })
    }

    /// Gives who was refused, and why.
    fn hand_over(&mut self, letter: &Letter<'_>) -> Result<Vec<String>, Error> {
        self.say(&format!("MAIL FROM:<{}>", letter.from), &[250])?;
        let mut refused = Vec::new();
        for it in letter.to {
            match self.say(&format!("RCPT TO:<{it}>"), &[250, 251]) {
                Ok(_) => {}
                Err(Error::Declined(why)) => refused.push(format!("{it}: {why}")),
                Err(err) => return Err(err),
            }
        }
        if refused.len() == letter.to.len() {
            return Err(Error::Declined(refused.join("; ")));
        }
        self.say("DATA", &[354])?;
        let mut text = String::with_capacity(letter.content.len());
        for line in letter.content.trim_end_matches("\r\n").split("\r\n") {
            // A line that is a dot ends the letter (RFC 5321, 4.5.2).
            text += if line.starts_with('.') { "." } else { "" };
            text += line;
            text += "\r\n";
        }
        self.tell(&(text + "."))?;
        self.hear(&[250], self.timeouts.answer.saturating_mul(PATIENCE))?;
        Ok(refused)
    }

    /// Says a line, and gives the answer, which has to have one of these codes.
    fn say(&mut self, line: &str, codes: &[u16]) -> Result<Vec<String>, Error> {
        self.tell(line)?;
        self.hear(codes, self.timeouts.answer)
    }

    fn tell(&mut self, text: &str) -> Result<(), Error> {
        let told = self.line.write(&format!("{text}\r\n"), self.timeouts.answer);
        told.map_err(|err| broken(self.relay, &err))
    }

    fn hear(&mut self, codes: &[u16], within: Duration) -> Result<Vec<String>, Error> {
        let (code, said) = self.line.reply(within).map_err(|err| broken(self.relay, &err))?;
        if codes.contains(&code) {
            return Ok(said);
        }
        let said = said.join(" ");
        let said: String = said.chars().filter(|it| !it.is_control()).take(300).collect();
        Err(Error::Declined(format!("{} said {code} {said}", self.relay)))
    }
}

/// Why a conversation ended in the middle.
fn broken(relay: &Relay, error: &std::io::Error) -> Error {
    match explain_io(relay, error) {
        Error::Unreachable(it) if error.kind() == ErrorKind::InvalidData => Error::Malformed(it),
        other => other,
    }
}
