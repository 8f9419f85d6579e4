//! Passwords: Argon2id, a few at a time because each takes much memory, and as long for names that are not there.
use crate::{Code, Problem};
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use ring::rand::{SecureRandom, SystemRandom};
use std::sync::{
    Condvar, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// The shortest and the longest password, in characters and in bytes.
const LEAST: usize = 12;
const MOST: usize = 1024;

/// How many are computed at once, and how many may wait for that.
const AT_ONCE: usize = 2;
const WAITING: usize = 32;

/// Computes and checks hashes.
#[derive(Debug)]
pub(crate) struct Passwords {
    /// Running, and all that are there.
    load: Mutex<(usize, usize)>,
    ended: Condvar,
    /// How many were computed so far.
    pub(crate) computed: AtomicU64,
    /// The hash of a password that nobody has.
    nobodys: String,
}

impl Passwords {
    pub(crate) fn new() -> Result<Passwords, Problem> {
        let nobodys = hash(&random()?)?;
        Ok(Passwords {
            load: Mutex::default(),
            ended: Condvar::new(),
            computed: AtomicU64::new(0),
            nobodys,
        })
    }

    /// The hash to be stored for a new password.
    pub(crate) fn hash(&self, password: &str) -> Result<String, Problem> {
        if password.chars().count() < LEAST || password.len() > MOST {
            let detail =
                format!("a password has at least {LEAST} characters and at most {MOST} bytes");
            return Err(Problem::invalid(detail));
        }
        self.in_turn(|| hash(password.as_bytes()))
    }

    /// Whether it is the password. Where there is none, it isn't, but that takes as long: who tries names is to
    /// learn nothing from the time.
    pub(crate) fn verify(&self, password: &str, stored: Option<&str>) -> Result<bool, Problem> {
        // A longer one was never set, whoever the person.
        if password.len() > MOST {
            return Ok(false);
        }
        let matches = self.in_turn(|| {
            let hash = stored.unwrap_or(&self.nobodys);
            let hash = PasswordHash::new(hash).map_err(|err| Problem::internal(err.to_string()))?;
            Ok(argon2()?.verify_password(password.as_bytes(), &hash).is_ok())
        })?;
        Ok(matches && stored.is_some())
    }

    fn in_turn<T>(&self, compute: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
        let mut load = self.load.lock().unwrap_or_else(PoisonError::into_inner);
        if load.1 >= AT_ONCE.saturating_add(WAITING) {
            let problem = Problem::new(Code::TooManyRequests, "too many are logging in; try again");
            return Err(Problem { retry_after: Some(5), ..problem });
        }
        load.1 = load.1.saturating_add(1);
        while load.0 >= AT_ONCE {
            load = self.ended.wait(load).unwrap_or_else(PoisonError::into_inner);
        }
        load.0 = load.0.saturating_add(1);
        drop(load);
        let outcome = compute();
        self.computed.fetch_add(1, Ordering::SeqCst);
        let mut load = self.load.lock().unwrap_or_else(PoisonError::into_inner);
        *load = (load.0.saturating_sub(1), load.1.saturating_sub(1));
        self.ended.notify_one();
        outcome
    }
}

/// The parameters that OWASP's Password Storage Cheat Sheet names first for little memory.
fn argon2() -> Result<Argon2<'static>, Problem> {
    let params = Params::new(19 << 10, 2, 1, None);
    let params = params.map_err(|err| Problem::internal(err.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &[u8]) -> Result<String, Problem> {
    let hash = argon2()?.hash_password_with_salt(password, &random()?);
    hash.map(|it| it.to_string()).map_err(|err| Problem::internal(err.to_string()))
}

fn random() -> Result<[u8; 16], Problem> {
    let mut bytes = [0; 16];
    let failed = |_| Problem::internal("no random numbers");
    SystemRandom::new().fill(&mut bytes).map(|()| bytes).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn only_the_password_is_the_password() {
        let it = Passwords::new().unwrap();
        let stored = it.hash("correct horse").unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_ne!(it.hash("correct horse").unwrap(), stored);
        assert!(it.verify("correct horse", Some(&stored)).unwrap());
        for wrong in ["", "correct horsf", "correct horse ", &"x".repeat(5000)] {
            assert!(!it.verify(wrong, Some(&stored)).unwrap(), "{wrong}");
        }
        assert!(!it.verify("correct horse", None).unwrap());
        assert!(it.verify("correct horse", Some("spoiled")).is_err());
        for bad in ["", "elevenchars", &"x".repeat(1025)] {
            assert_eq!(it.hash(bad).unwrap_err().code, Code::Invalid);
        }
        assert!(it.hash("twelve chars").is_ok());
    }

    #[test]
    fn unknown_names_take_the_same_work() {
        let it = Passwords::new().unwrap();
        let stored = it.hash("correct horse").unwrap();
        let parameters = |hash: &str| hash.rsplitn(3, '$').last().unwrap().to_owned();
        assert_eq!(parameters(&stored), parameters(&it.nobodys));
        for (stored, computed) in [(Some(stored.as_str()), 2), (None, 3), (None, 4)] {
            it.verify("wrong horses", stored).unwrap();
            assert_eq!(it.computed.load(Ordering::SeqCst), computed, "{stored:?}");
        }
    }

    #[test]
    fn a_flood_is_refused_before_it_takes_the_memory() {
        let it = Passwords::new().unwrap();
        let codes: Vec<_> = thread::scope(|scope| {
            let all: Vec<_> = (0..48)
                .map(|_| scope.spawn(|| it.verify("wrong horses", None).map_err(|err| err.code)))
                .collect();
            all.into_iter().map(|it| it.join().unwrap()).collect()
        });
        let refused = codes.iter().filter(|it| **it == Err(Code::TooManyRequests)).count();
        assert!(refused > 0 && refused < 48, "{refused}");
        assert!(!it.verify("wrong horses", None).unwrap());
    }
}
