//! What synchronising writes, and the lists of registries, repositories and images.
use crate::{
    on_each,
    world::{digest, image, registry, repository, round, seen},
};
use store::{
    Error, Store, accounts,
    accounts::Instance,
    images::{self, Filter, Sort},
    places::{self, Kind, Moved},
    registries, repositories,
};

/// The images in the lists: digest, names of their repositories, tags.
fn list(store: &Store, filter: &Filter) -> Vec<(String, Vec<String>, Vec<String>)> {
    let page = store.read(|tx| images::page(tx, filter, Sort::Name, None, 100)).unwrap();
    let names =
        |it: &images::Image| it.places.iter().map(|it| it.repository_name.clone()).collect();
    let tags = |it: &images::Image| it.places.iter().flat_map(|it| it.tags.clone()).collect();
    page.items.iter().map(|it| (it.digest.clone(), names(it), tags(it))).collect()
}

fn digests(store: &Store, filter: &Filter) -> Vec<String> {
    list(store, filter).into_iter().map(|it| it.0).collect()
}

fn row(name: &str, repositories: &[&str], tags: &[&str]) -> (String, Vec<String>, Vec<String>) {
    let texts = |some: &[&str]| some.iter().map(|it| (*it).to_owned()).collect();
    (digest(name), texts(repositories), texts(tags))
}

#[test]
fn a_round_sees_what_is_there_and_the_next_what_has_gone() {
    on_each(|store| {
        let home = registry(store, "home");
        let first = [
            ("team/app", vec![seen("a", &["1", "latest"])]),
            ("team/base", vec![seen("a", &[]), seen("b", &["2"])]),
        ];
        round(store, home, &first, 10);
        let all = Filter::default();
        let expected = [
            row("a", &["team/app", "team/base"], &["1", "latest"]),
            row("b", &["team/base"], &["2"]),
        ];
        assert_eq!(list(store, &all), expected);
        // Told twice, it is the same.
        round(store, home, &first, 20);
        assert_eq!(list(store, &all), expected);
        let counts = |store: &Store| {
            let it = store.read(|tx| registries::one(tx, home)).unwrap().unwrap();
            (it.repositories, it.images, it.synced_at)
        };
        assert_eq!(counts(store), (2, 3, Some(20)));
        // A tag is deleted, an image with its tag too, a repository comes.
        let second = [
            ("team/app", vec![seen("a", &["latest"])]),
            ("team/base", vec![seen("a", &[])]),
            ("x", vec![seen("c", &["3"])]),
        ];
        round(store, home, &second, 30);
        assert_eq!(
            list(store, &all),
            [row("a", &["team/app", "team/base"], &["latest"]), row("c", &["x"], &["3"])]
        );
        // A repository goes, and comes back.
        round(store, home, &second[2..], 40);
        assert_eq!(list(store, &all), [row("c", &["x"], &["3"])]);
        assert_eq!(counts(store), (1, 1, Some(40)));
        round(store, home, &second, 50);
        assert_eq!(list(store, &all).len(), 2);
    });
}

#[test]
fn a_tag_that_moves_is_told() {
    on_each(|store| {
        let home = registry(store, "home");
        round(store, home, &[("app", vec![seen("a", &["1", "latest"])])], 10);
        let id = repository(store, home, "app");
        let moved = |tag: &str, before: Option<&str>, after: &str| Moved {
            tag: tag.to_owned(),
            before: before.map(digest),
            after: digest(after),
        };
        let told =
            store.write(|tx| places::see(tx, id, 7, &[seen("b", &["2", "latest"])], 20)).unwrap();
        assert_eq!(told, [moved("2", None, "b"), moved("latest", Some("a"), "b")]);
        let told =
            store.write(|tx| places::see(tx, id, 7, &[seen("b", &["2", "latest"])], 30)).unwrap();
        assert_eq!(told, []);
        let points = store.read(|tx| repositories::tagged(tx, id, "latest")).unwrap();
        assert_eq!(points, Some(digest("b")));
        store.write(|tx| places::untag(tx, id, "latest", 40)).unwrap();
        assert_eq!(store.read(|tx| repositories::tagged(tx, id, "latest")).unwrap(), None);
        let targets = store.read(|tx| repositories::targets(tx, id, 0, 10)).unwrap();
        let targets: Vec<_> =
            targets.iter().map(|it| (it.digest.clone(), it.tags.clone())).collect();
        assert_eq!(
            targets,
            [(digest("a"), vec!["1".to_owned()]), (digest("b"), vec!["2".to_owned()])]
        );
    });
}

#[test]
fn an_index_stands_for_its_images() {
    on_each(|store| {
        let home = registry(store, "home");
        let mut index = seen("index", &["1"]);
        index.kind = Kind::Index;
        index.platform = String::new();
        index.parts =
            vec![(digest("x"), "linux/amd64".to_owned()), (digest("y"), "linux/arm64".to_owned())];
        round(store, home, &[("app", vec![index])], 10);
        let page =
            store.read(|tx| images::page(tx, &Filter::default(), Sort::Name, None, 10)).unwrap();
        let found: Vec<_> =
            page.items.iter().map(|it| (it.digest.clone(), it.platform.clone())).collect();
        assert_eq!(
            found,
            [(digest("x"), "linux/amd64".to_owned()), (digest("y"), "linux/arm64".to_owned())]
        );
        assert!(page.items.iter().all(|it| it.places[0].tags == ["1"]));
        let tagged = Filter { tag: "1".to_owned(), ..Filter::default() };
        assert_eq!(digests(store, &tagged).len(), 2);
        let whole = store.read(|tx| images::one(tx, &digest("index"))).unwrap().unwrap();
        assert_eq!(whole.parts.len(), 2);
    });
}

#[test]
fn an_interrupted_round_goes_on_where_it_was() {
    on_each(|store| {
        let home = registry(store, "home");
        let begin = || store.write(|tx| registries::begin_round(tx, home)).unwrap();
        let first = begin();
        assert_eq!((first.round, first.cursor), (1, None));
        assert_eq!(begin().round, 1);
        let names = vec!["a".to_owned(), "b".to_owned()];
        store
            .write(|tx| {
                places::repositories(tx, home, 1, &names)?;
                registries::progress(tx, home, 1, "after a")
            })
            .unwrap();
        let again = begin();
        assert_eq!((again.round, again.cursor.as_deref()), (1, Some("after a")));
        store.write(|tx| registries::end_round(tx, home, 1, 10)).unwrap();
        let next = begin();
        assert_eq!((next.round, next.cursor), (2, None));
        // Who still thinks that it is the first round is told.
        let late = store.write(|tx| registries::progress(tx, home, 1, "after b"));
        assert!(matches!(late, Err(Error::Conflict(_))), "{late:?}");
        let found = store.write(|tx| places::repositories(tx, home, 2, &names)).unwrap();
        assert_eq!(found.iter().map(|it| it.marker.as_str()).collect::<Vec<_>>(), ["", ""]);
        store.write(|tx| places::close(tx, found[0].id, 2, "etag", 20)).unwrap();
        let found = store.write(|tx| places::repositories(tx, home, 2, &names)).unwrap();
        assert_eq!(found[0].marker, "etag");
    });
}

#[test]
fn a_registry_that_is_removed_leaves_the_lists_and_keeps_its_history() {
    on_each(|store| {
        let (home, away) = (registry(store, "home"), registry(store, "away"));
        round(store, home, &[("app", vec![seen("a", &["1"]), seen("b", &["2"])])], 10);
        round(store, away, &[("app", vec![seen("b", &["2"])])], 10);
        let again = store.write(|tx| {
            registries::add(
                tx,
                &registries::New {
                    kind: "oci",
                    name: "home",
                    address: "",
                    account: None,
                    document: "",
                    secret: None,
                    hook: None,
                    created_at: 1,
                },
            )
        });
        assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
        assert!(store.write(|tx| registries::remove(tx, home, 20)).unwrap());
        assert!(!store.write(|tx| registries::remove(tx, home, 21)).unwrap());
        assert_eq!(digests(store, &Filter::default()), [digest("b")]);
        let old = store.read(|tx| images::one(tx, &digest("a"))).unwrap().unwrap();
        assert_eq!(old.image.places[0].registry_name, "home");
        assert_eq!(old.image.places[0].removed_at, Some(20));
        assert_eq!(store.read(|tx| registries::secret(tx, home)).unwrap(), None);
        // The name is free.
        registry(store, "home");
        assert!(!store.write(|tx| registries::purge(tx, home, 10)).unwrap());
        assert!(store.write(|tx| registries::purge(tx, home, 10)).unwrap());
        assert_eq!(store.read(|tx| registries::one(tx, home)).unwrap(), None);
        let old = store.read(|tx| images::one(tx, &digest("a"))).unwrap().unwrap();
        assert_eq!(old.image.places, []);
        // One that is there cannot be purged.
        assert!(store.write(|tx| registries::purge(tx, away, 10)).unwrap());
        assert_eq!(digests(store, &Filter::default()), [digest("b")]);
    });
}

#[test]
fn instances_of_an_account_come_and_go_by_themselves() {
    on_each(|store| {
        let account = store.write(|tx| accounts::add(tx, "cloud", "{}", b"key", 1)).unwrap();
        let instance = |name: &str| Instance {
            instance: format!("cri-{name}"),
            name: name.to_owned(),
            address: format!("{name}.example"),
            document: "{}".to_owned(),
        };
        let see =
            |some: &[Instance], at| store.write(|tx| accounts::see(tx, account, some, at)).unwrap();
        let names = || -> Vec<String> {
            store.read(registries::all).unwrap().into_iter().map(|it| it.name).collect()
        };
        assert_eq!(see(&[instance("a"), instance("b")], 2).0.len(), 2);
        assert_eq!(names(), ["a", "b"]);
        assert_eq!(see(&[instance("a"), instance("b")], 3), (vec![], vec![]));
        let mut renamed = instance("a");
        renamed.name = "z".to_owned();
        assert_eq!(see(&[renamed, instance("c")], 4).1.len(), 1);
        assert_eq!(names(), ["c", "z"]);
        assert!(store.write(|tx| accounts::remove(tx, account, 5)).unwrap());
        assert_eq!(names(), Vec::<String>::new());
        assert_eq!(store.read(accounts::all).unwrap(), []);
    });
}

#[test]
fn the_tree_has_namespaces_and_repositories() {
    on_each(|store| {
        let home = registry(store, "home");
        let names = ["a/x", "a/y", "a/b/z", "plain", "Zeta/x"];
        let all: Vec<_> = names.iter().map(|it| (*it, vec![seen(it, &["1"])])).collect();
        round(store, home, &all, 10);
        let mut found = Vec::new();
        let mut cursor = None;
        loop {
            let page =
                store.read(|tx| repositories::namespaces(tx, home, cursor.as_ref(), 2)).unwrap();
            found.extend(page.items.into_iter().map(|it| (it.name, it.repositories, it.images)));
            let Some(next) = page.next else { break };
            cursor = store::Cursor::parse(&next.to_string());
            assert!(cursor.is_some());
        }
        let row = |name: &str, n: i64| (name.to_owned(), n, n);
        assert_eq!(found, [row("", 1), row("Zeta", 1), row("a", 2), row("a/b", 1)]);
        let filter = repositories::Filter { registry: Some(home), namespace: Some("a"), text: "" };
        let page = store.read(|tx| repositories::page(tx, filter, None, 10)).unwrap();
        assert_eq!(
            page.items.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(),
            ["a/x", "a/y"]
        );
        let filter = repositories::Filter { text: "Z", ..repositories::Filter::default() };
        let page = store.read(|tx| repositories::page(tx, filter, None, 1)).unwrap();
        assert_eq!(page.items[0].name, "Zeta/x");
        let page = store.read(|tx| repositories::page(tx, filter, page.next.as_ref(), 1)).unwrap();
        assert_eq!((page.items[0].name.as_str(), page.next), ("a/b/z", None));
        let wrong = store.read(|tx| {
            images::page(
                tx,
                &Filter::default(),
                Sort::Level,
                Some(&store::Cursor::parse("WyJhIiwwXQ").unwrap()),
                1,
            )
        });
        assert!(matches!(wrong, Err(Error::Invalid(_))), "{wrong:?}");
        assert_eq!(store::Cursor::parse("nonsense"), None);
    });
}

#[test]
fn images_are_found_by_where_they_are_and_what_they_are_called() {
    on_each(|store| {
        let (home, away) = (registry(store, "home"), registry(store, "away"));
        round(
            store,
            home,
            &[
                ("team/app", vec![seen("a", &["v1"]), seen("b", &["v2"])]),
                ("x_y", vec![seen("c", &["v1"])]),
            ],
            10,
        );
        round(store, away, &[("other", vec![seen("d", &["V1-rc"]), seen("b", &[])])], 10);
        let check = |filter: Filter, names: &[&str]| {
            let mut found = digests(store, &filter);
            found.sort();
            let mut expected: Vec<String> = names.iter().map(|it| digest(it)).collect();
            expected.sort();
            assert_eq!(found, expected, "{filter:?}");
        };
        let none = Filter::default;
        check(none(), &["a", "b", "c", "d"]);
        check(Filter { registries: vec![away], ..none() }, &["b", "d"]);
        check(Filter { registries: vec![away, home], ..none() }, &["a", "b", "c", "d"]);
        let app = repository(store, home, "team/app");
        check(Filter { repositories: vec![app], ..none() }, &["a", "b"]);
        check(Filter { tag: "v1".to_owned(), ..none() }, &["a", "c"]);
        check(Filter { tag: "v1".to_owned(), repositories: vec![app], ..none() }, &["a"]);
        let text = |it: &str| Filter { text: it.to_owned(), ..none() };
        check(text("APP"), &["a", "b"]);
        check(text("x_y"), &["c"]);
        check(text("m_a"), &[]);
        check(text("%"), &[]);
        check(text("v1"), &["a", "c", "d"]);
        check(text("home"), &["a", "b", "c"]);
        check(text(&digest("d")[..20]), &["d"]);
        check(text(&digest("d")[7..20]), &["d"]);
        check(Filter { registries: vec![away], ..text("app") }, &["b"]);
        check(Filter { components: Some(vec![]), ..none() }, &[]);
        check(Filter { states: vec![images::State::New], ..none() }, &["a", "b", "c", "d"]);
        check(
            Filter { states: vec![images::State::Failed, images::State::Scanned], ..none() },
            &[],
        );
        assert_ne!(image(store, "a"), image(store, "b"));
    });
}
