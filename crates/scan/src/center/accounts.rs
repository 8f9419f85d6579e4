//! Accounts of a cloud: their instances are registries that appear and disappear by themselves.
use super::{
    Center,
    access::{self, AccountDocument, InstanceDocument},
    failure::Failure,
    synchronise::registry_changed,
};
use registry::Connection;
use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};
use store::{accounts, leases};

/// How often accounts are asked for their instances.
const ACCOUNTS: Duration = Duration::from_secs(300);

impl Center {
    /// To be called when an account was added or changed.
    ///
    /// # Errors
    /// When the store does not answer.
    pub fn account_changed(&self) {
        *self.accounts_at.lock().unwrap_or_else(PoisonError::into_inner) = 0;
        self.bell.ring();
    }

    /// Asks accounts for their instances, from time to time.
    pub(super) fn accounts(&self) -> Result<(), Failure> {
        let now = self.now();
        let mut at = self.accounts_at.lock().unwrap_or_else(PoisonError::into_inner);
        if *at > now && *at <= self.later(ACCOUNTS) {
            return Ok(());
        }
        *at = self.later(ACCOUNTS);
        drop(at);
        for account in self.world.store.read(accounts::all)? {
            let Some(lease) = self.lease(&format!("account {}", account.id))? else { continue };
            let outcome = self.instances(&account);
            // Where that cannot be read, neither can the instances.
            let limits = access::read(&account.document).map(|it: AccountDocument| it.registry);
            let limits = limits.unwrap_or_default();
            self.world.store.write(|tx| match &outcome {
                Ok(instances) => {
                    leases::hold(tx, &lease, now)?;
                    accounts::checked(tx, account.id, "connected", "", now)?;
                    for it in accounts::see(tx, account.id, instances, now)?.0 {
                        registry_changed(tx, it, &limits, now)?;
                    }
                    Ok(())
                }
                Err(why) => accounts::checked(tx, account.id, "failing", &why.to_string(), now),
            })?;
            self.world.store.write(|tx| leases::release(tx, &lease))?;
            self.ring();
        }
        Ok(())
    }

    fn instances(&self, account: &accounts::Account) -> Result<Vec<accounts::Instance>, Failure> {
        let connection: Arc<Connection> = self.account(account.id)?;
        let document: AccountDocument = access::read(&account.document)?;
        let (mut cursor, mut all) = (None::<String>, Vec::new());
        loop {
            let page = connection.instances(cursor.as_deref())?;
            for it in page.items {
                let host = if document.vpc { it.vpc.or(it.public) } else { it.public.or(it.vpc) };
                let region = InstanceDocument { region: it.region };
                let text = serde_json::to_string(&region);
                all.push(accounts::Instance {
                    name: if it.name.is_empty() { it.id.clone() } else { it.name },
                    instance: it.id,
                    address: host.unwrap_or_default(),
                    document: text.map_err(|err| Failure::Other("internal", err.to_string()))?,
                });
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(all);
            }
        }
    }
}
