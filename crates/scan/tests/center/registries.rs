//! What registries hold, and accounts whose registries come and go.
use crate::world::{Machine, admin, debian, on_each, quick};
use scan::center::{AccountDocument, LoginDocument, RegistryDocument, Role, Selection};
use testkit::{acr::Acr, harbor::Harbor, http::Reply, image::index, registry::What};

#[test]
fn instances_appear_and_disappear_by_themselves() {
    on_each(|settings| {
        let cloud = Acr::start();
        cloud.instance("cri-one", "cn-hangzhou");
        cloud.put("cri-one", "team/app", "v1", &debian(&["alpha 1"], "one"));
        let several = index(&[debian(&["alpha 1"], "a"), debian(&["alpha 3"], "b")]);
        cloud.put("cri-one", "team/multi", "v1", &several);
        let machine = Machine::start(settings, Role::All);
        let document = AccountDocument {
            regions: vec!["cn-hangzhou".to_owned()],
            api: Some(cloud.host()),
            ..AccountDocument::default()
        };
        let document = serde_json::to_string(&document).unwrap();
        let (id, secret) = ("testid".to_owned(), "testsecret".to_owned());
        let mut login =
            serde_json::to_vec(&LoginDocument::Key { id, secret, token: None }).unwrap();
        login.reverse();
        let add = |tx: &mut store::Tx<'_>| store::accounts::add(tx, "cloud", &document, &login, 1);
        machine.store.write(add).unwrap();
        machine.center.account_changed();
        let registries = || machine.store.read(store::registries::all).unwrap();
        let accounts = || machine.store.read(store::accounts::all).unwrap();
        machine.until("there", || {
            assert_ne!(accounts()[0].state, "failing", "{}", accounts()[0].reason);
            registries().first().is_some_and(|it| it.synced_at.is_some())
        });
        assert_eq!(registries()[0].instance.as_deref(), Some("cri-one"));
        let task = machine.scan_all();
        assert_eq!((task.counts.total, task.counts.done), (3, 3));
        assert_eq!(machine.risks(), [("CVE-2099-0001".to_owned(), 2)]);
        cloud.release("cri-one");
        machine.center.account_changed();
        machine.until("gone", || registries().is_empty());
        assert_eq!(machine.center.preview(&Selection::default()).unwrap().images, 0);
        machine.center.stop();
    });
}

#[test]
fn a_round_goes_on_where_it_was_left() {
    on_each(|settings| {
        let harbor = Harbor::start("v2.15.3");
        let base = debian(&["alpha 1"], "x");
        for n in 0..130 {
            if n % 30 == 0 {
                harbor.project(&format!("team{}", n / 30));
            }
            harbor.put(&format!("team{}/app{n}", n / 30), "v1", &base);
        }
        let machine = Machine::start(settings, Role::All);
        // After the first page of repositories.
        harbor.fail("team4/repositories", 3, What::Reply(Reply::new(503, "")));
        let id =
            machine.add_unread("harbor", &harbor.host(), &admin(), &RegistryDocument::default());
        let registry = || machine.store.read(|tx| store::registries::one(tx, id)).unwrap().unwrap();
        machine.until("failing", || registry().state == "failing");
        assert!(registry().repositories >= 100, "{:?}", registry());
        let listed = harbor.count("/artifacts");
        machine.center.stop();
        drop(machine);
        let machine = Machine::with(settings, quick());
        machine.center.run(Role::All).unwrap();
        machine.synchronised(id);
        let found = machine.store.read(|tx| store::registries::one(tx, id)).unwrap().unwrap();
        assert_eq!((found.repositories, found.images), (130, 130));
        assert_eq!(found.state, "connected");
        // No repository was read twice.
        let read = harbor.count("/artifacts");
        assert!(read <= 130 + 2, "{listed} {read}");
        // Nothing has changed: only the list of repositories is read.
        machine.synchronised(id);
        assert_eq!(harbor.count("/artifacts"), read);
        machine.center.stop();
    });
}
