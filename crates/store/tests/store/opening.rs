//! Opening a database, and what stands in the way.
use crate::each_settings;
use std::thread;
use store::Store;

#[test]
fn many_bring_the_schema_up_to_date_at_once() {
    each_settings(|settings| {
        thread::scope(|scope| {
            let open = || Store::open(settings.clone()).map(drop);
            let all: Vec<_> = (0..6).map(|_| scope.spawn(open)).collect();
            for it in all {
                it.join().unwrap().unwrap();
            }
        });
        Store::open(settings.clone()).unwrap();
    });
}
