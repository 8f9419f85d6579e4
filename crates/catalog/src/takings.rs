//! What a text database has yielded so far, within limits that no content can raise: two bytes of
//! hostile text must not become a hundred in memory as often as a file has room for them.
use inspect::{Fault, Found};
use model::{Component, Diversion, Gap, Owned, OwnedFile, Reason, Signed};

/// The most memory that what one file yields may take: some million owned files.
const ROOM_BYTES: usize = 128 << 20;
/// What a component takes besides its texts.
const COMPONENT_BYTES: usize = size_of::<Component>() + 64;
/// What an owned file takes besides its path.
const FILE_BYTES: usize = size_of::<OwnedFile>() + 16;
/// How many troubles are told apart; more are only counted.
const TROUBLES: usize = 50;

/// Takes in what one file yields.
pub(crate) struct Takings<'a> {
    by: &'static str,
    found: &'a mut Found,
    room: usize,
    troubles: usize,
}

impl<'a> Takings<'a> {
    /// Lets `read` bring it in, for the cataloger `by`.
    pub(crate) fn of(
        by: &'static str,
        found: &'a mut Found,
        read: impl FnOnce(&mut Takings<'a>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut takings = Takings { by, found, room: ROOM_BYTES, troubles: 0 };
        let outcome = read(&mut takings);
        if let Some(more @ 1..) = takings.troubles.checked_sub(TROUBLES) {
            let reason = Reason::Malformed(format!("{more} more places that can't be read"));
            takings.found.gaps.push(Gap::new(by, reason));
        }
        outcome
    }

    /// Takes in a component.
    pub(crate) fn component(&mut self, it: Component) -> Result<(), Fault> {
        let source =
            it.source.as_ref().map_or(0, |it| it.name.len().saturating_add(it.version.len()));
        let texts = [&it.arch, &it.vendor].map(|it| it.as_ref().map_or(0, String::len));
        let texts = texts.iter().chain(&[it.name.len(), it.version.len(), source]).sum();
        self.charge(COMPONENT_BYTES, texts)?;
        self.found.components.push(it);
        Ok(())
    }

    /// Takes in a file, into the ones that its package has so far.
    pub(crate) fn file(&mut self, it: OwnedFile, files: &mut Vec<OwnedFile>) -> Result<(), Fault> {
        self.charge(FILE_BYTES, it.path.as_str().len())?;
        files.push(it);
        Ok(())
    }

    /// Takes in a package with the files that [`Takings::file`] has brought together.
    pub(crate) fn owned(&mut self, package: String, mut files: Vec<OwnedFile>) {
        if !files.is_empty() {
            // There may be hundreds of thousands of packages, with a file or two each.
            files.shrink_to_fit();
            self.found.owned.push(Owned { package, files, signed: Signed::Unchecked });
        }
    }

    /// Takes in a file that one package has moved out of another's way.
    pub(crate) fn diversion(&mut self, it: Diversion) -> Result<(), Fault> {
        let texts = [it.from.as_str(), it.to.as_str(), &it.by].iter().map(|it| it.len()).sum();
        self.charge(size_of::<Diversion>(), texts)?;
        self.found.diversions.push(it);
        Ok(())
    }

    /// Notes what went unseen.
    pub(crate) fn trouble(&mut self, what: String) {
        self.gap(Gap::new(self.by, Reason::Malformed(what)));
    }

    /// Notes what nobody says.
    pub(crate) fn unknown(&mut self, what: String) {
        self.gap(Gap::new(self.by, Reason::Unknown(what)));
    }

    /// Notes a gap.
    pub(crate) fn gap(&mut self, it: Gap) {
        self.troubles = self.troubles.saturating_add(1);
        if self.troubles <= TROUBLES {
            self.found.gaps.push(it);
        }
    }

    fn charge(&mut self, fixed: usize, texts: usize) -> Result<(), Fault> {
        let left = self.room.checked_sub(fixed.saturating_add(texts));
        let too_much = || Fault::TooLarge(format!("more than {ROOM_BYTES} bytes of findings"));
        self.room = left.ok_or_else(too_much)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Ecosystem, ImagePath};

    #[test]
    fn what_fits_is_kept_and_the_rest_is_said_to_be_missing() {
        let mut found = Found::default();
        let path = ImagePath::parse(&vec![b'a'; 1 << 20]).unwrap();
        let outcome = Takings::of("here", &mut found, |takings| {
            let mut files = Vec::new();
            let file = OwnedFile { path, digest: None, config: false };
            let outcome = (0..1000).try_for_each(|_| takings.file(file.clone(), &mut files));
            takings.owned("big".to_owned(), files);
            (0..1000).for_each(|it| takings.trouble(format!("number {it}")));
            outcome
        });
        assert!(matches!(outcome, Err(Fault::TooLarge(_))));
        assert_eq!(found.owned[0].files.len(), 127);
        assert_eq!(found.gaps.len(), TROUBLES + 1);
        assert!(found.gaps[TROUBLES].to_string().contains("950 more"));
    }

    #[test]
    fn components_take_room_too() {
        let mut found = Found::default();
        let name = "a".repeat(1 << 20);
        let outcome = Takings::of("here", &mut found, |takings| {
            let component = Component::new(Ecosystem::Deb, &name, "1");
            (0..1000).try_for_each(|_| takings.component(component.clone()))
        });
        assert!(matches!(outcome, Err(Fault::TooLarge(_))));
        assert_eq!(found.components.len(), 127);
    }
}
