//! Programs of Linux made on the spot: well formed as far as a reader can tell, and with nothing in them that runs.

/// An ELF file in the making: 64 bits, little endian, x86-64 (System V ABI, "Object Files").
#[derive(Clone, Debug)]
pub struct Elf {
    kind: u16,
    strings: Vec<String>,
    exports: Vec<String>,
    imports: Vec<String>,
    sections: bool,
}

impl Elf {
    /// A program, `ET_EXEC`.
    pub fn program() -> Elf {
        Elf {
            kind: 2,
            strings: Vec::new(),
            exports: Vec::new(),
            imports: Vec::new(),
            sections: true,
        }
    }

    /// A shared library, `ET_DYN`.
    pub fn library() -> Elf {
        Elf { kind: 3, ..Elf::program() }
    }

    /// An object or a kernel module, `ET_REL`.
    pub fn object() -> Elf {
        Elf { kind: 1, ..Elf::program() }
    }

    /// With these strings among its constants.
    pub fn strings<T: Into<String>>(mut self, strings: impl IntoIterator<Item = T>) -> Elf {
        self.strings.extend(strings.into_iter().map(Into::into));
        self
    }

    /// With these functions for others to use.
    pub fn exports(mut self, names: &[&str]) -> Elf {
        self.exports.extend(names.iter().map(|it| (*it).to_owned()));
        self
    }

    /// With these functions that others must have.
    pub fn imports(mut self, names: &[&str]) -> Elf {
        self.imports.extend(names.iter().map(|it| (*it).to_owned()));
        self
    }

    /// Without a table of sections, as packers leave it.
    pub fn without_sections(self) -> Elf {
        Elf { sections: false, ..self }
    }

    /// The bytes.
    pub fn build(&self) -> Vec<u8> {
        let mut names = vec![0];
        let mut symbols = vec![0; 24];
        for (section, name) in
            self.imports.iter().map(|it| (0_u16, it)).chain(self.exports.iter().map(|it| (1, it)))
        {
            symbols.extend(u32::try_from(names.len()).unwrap().to_le_bytes());
            // A function that all see.
            symbols.extend([0x12, 0]);
            symbols.extend(section.to_le_bytes());
            symbols.extend((0x40_1000_u64 * u64::from(section)).to_le_bytes());
            symbols.extend(0_u64.to_le_bytes());
            names.extend(name.bytes().chain([0]));
        }
        let mut constants = Vec::new();
        self.strings.iter().for_each(|it| constants.extend(it.bytes().chain([0])));
        // xor eax, eax; ret
        let code = vec![0x31, 0xc0, 0xc3, 0x90];
        // Name, type, flags, link, size of an entry, content (System V ABI, "Sections").
        let parts = [
            (".text", 1_u32, 6_u64, 0_u32, 0_u64, code),
            (".rodata", 1, 2, 0, 0, constants),
            (".dynsym", 11, 2, 4, 24, symbols),
            (".dynstr", 3, 2, 0, 0, names),
        ];
        let segments: u16 = if self.kind == 1 { 0 } else { 1 };
        let mut bytes = vec![0; 64 + 56 * usize::from(segments)];
        let mut shstrtab = vec![0];
        let mut table = vec![0; 64];
        for (name, kind, flags, link, entry, content) in &parts {
            bytes.resize(bytes.len().next_multiple_of(16), 0);
            let offset = u64::try_from(bytes.len()).unwrap();
            table.extend(u32::try_from(shstrtab.len()).unwrap().to_le_bytes());
            table.extend(kind.to_le_bytes());
            let size = u64::try_from(content.len()).unwrap();
            [*flags, 0x40_0000 + offset, offset, size]
                .iter()
                .for_each(|it| table.extend(it.to_le_bytes()));
            [*link, 1].iter().for_each(|it| table.extend(it.to_le_bytes()));
            [16, *entry].iter().for_each(|it| table.extend(it.to_le_bytes()));
            shstrtab.extend(name.bytes().chain([0]));
            bytes.extend(content);
        }
        let loaded = u64::try_from(bytes.len()).unwrap();
        if self.sections {
            let offset = loaded;
            table.extend(u32::try_from(shstrtab.len()).unwrap().to_le_bytes());
            shstrtab.extend(b".shstrtab\0");
            table.extend(3_u32.to_le_bytes());
            let size = u64::try_from(shstrtab.len()).unwrap();
            [0, 0, offset, size, 0, 1, 0].iter().for_each(|it| table.extend(it.to_le_bytes()));
            bytes.extend(&shstrtab);
            bytes.resize(bytes.len().next_multiple_of(16), 0);
        }
        let sections = if self.sections { u64::try_from(bytes.len()).unwrap() } else { 0 };
        if self.sections {
            bytes.extend(&table);
        }
        bytes[..64].copy_from_slice(&self.header(segments, sections));
        if segments == 1 {
            bytes[64..120].copy_from_slice(&segment(loaded));
        }
        bytes
    }

    fn header(&self, segments: u16, sections: u64) -> Vec<u8> {
        let mut header = b"\x7fELF\x02\x01\x01".to_vec();
        header.resize(16, 0);
        header.extend(self.kind.to_le_bytes());
        header.extend(62_u16.to_le_bytes());
        header.extend(1_u32.to_le_bytes());
        let (entry, first) = if segments == 0 { (0, 0) } else { (0x40_0080_u64, 64) };
        [entry, first, sections].iter().for_each(|it| header.extend(it.to_le_bytes()));
        header.extend(0_u32.to_le_bytes());
        let count = if self.sections { 6 } else { 0 };
        let entry = if self.sections { 64 } else { 0 };
        let last = if self.sections { 5 } else { 0 };
        [64, 56, segments, entry, count, last]
            .iter()
            .for_each(|it: &u16| header.extend(it.to_le_bytes()));
        header
    }
}

/// The one segment that is loaded: everything, readable and executable.
fn segment(size: u64) -> Vec<u8> {
    let mut segment = Vec::new();
    [1_u32, 5].iter().for_each(|it| segment.extend(it.to_le_bytes()));
    [0, 0x40_0000, 0x40_0000, size, size, 0x1000]
        .iter()
        .for_each(|it: &u64| segment.extend(it.to_le_bytes()));
    segment
}
