//! Programs of Linux made on the spot: well formed as far as a reader can tell, and with nothing in them that runs.

/// An ELF file in the making: 64 bits, little endian, x86-64, where nothing else is said (System V ABI, "Object Files").
#[derive(Clone, Debug)]
pub struct Elf {
    kind: u16,
    machine: u16,
    wide: bool,
    big: bool,
    flags: u32,
    entry: Option<u64>,
    interpreter: Option<String>,
    needed: Vec<String>,
    search: Option<String>,
    strings: Vec<String>,
    exports: Vec<String>,
    imports: Vec<String>,
    more: Vec<(String, u64, Vec<u8>)>,
    sections: bool,
    bare: bool,
    behind: Vec<u8>,
}

/// Where the file is mapped to.
const BASE: u64 = 0x40_0000;
/// Reads, and runs.
const PLAIN: u32 = 5;

/// A section in the making: name, type, flags, link, size of an entry, content.
struct Part {
    name: String,
    kind: u32,
    flags: u64,
    link: u32,
    entry: u64,
    content: Vec<u8>,
    at: u64,
}

impl Elf {
    /// A program, `ET_EXEC`.
    pub fn program() -> Elf {
        Elf {
            kind: 2,
            machine: 62,
            wide: true,
            big: false,
            flags: PLAIN,
            entry: None,
            interpreter: None,
            needed: Vec::new(),
            search: None,
            strings: Vec::new(),
            exports: Vec::new(),
            imports: Vec::new(),
            more: Vec::new(),
            sections: true,
            bare: false,
            behind: Vec::new(),
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

    /// For another machine, by its number in the headers.
    pub fn machine(self, machine: u16) -> Elf {
        Elf { machine, ..self }
    }

    /// Of 32 bits.
    pub fn narrow(self) -> Elf {
        Elf { wide: false, ..self }
    }

    /// Big endian.
    pub fn big_endian(self) -> Elf {
        Elf { big: true, ..self }
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

    /// Asks for this loader.
    pub fn interpreter(self, path: &str) -> Elf {
        Elf { interpreter: Some(path.to_owned()), ..self }
    }

    /// Needs this library.
    pub fn needs(mut self, library: &str) -> Elf {
        self.needed.push(library.to_owned());
        self
    }

    /// Looks for libraries here too (`DT_RUNPATH`).
    pub fn search(self, path: &str) -> Elf {
        Elf { search: Some(path.to_owned()), ..self }
    }

    /// With another section; `flags` are those of the ABI: 2 is loaded, 4 is code.
    pub fn section(mut self, name: &str, flags: u64, content: &[u8]) -> Elf {
        self.more.push((name.to_owned(), flags, content.to_vec()));
        self
    }

    /// The segment that is loaded may be read, written and run.
    pub fn writable_code(self) -> Elf {
        Elf { flags: 7, ..self }
    }

    /// It begins at this address, wherever its code is.
    pub fn entry(self, address: u64) -> Elf {
        Elf { entry: Some(address), ..self }
    }

    /// Without a table of sections, as packers leave it.
    pub fn without_sections(self) -> Elf {
        Elf { sections: false, ..self }
    }

    /// Nothing but headers and code, as those write it who count bytes.
    pub fn bare(self) -> Elf {
        Elf { sections: false, bare: true, ..self }
    }

    /// With something behind all that the headers speak of.
    pub fn behind(self, bytes: &[u8]) -> Elf {
        Elf { behind: bytes.to_vec(), ..self }
    }

    /// As Go links it since 1.18: the main package, and the lines of its modules.
    pub fn go(self, path: &str, modules: &[&str]) -> Elf {
        let mut block = b"\xff Go buildinf:\x08\x02".to_vec();
        block.resize(32, 0);
        for text in ["go1.24.1".to_owned(), go_text(path, modules)] {
            let mut length = text.len();
            while length >= 0x80 {
                block.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
                length >>= 7;
            }
            block.push(u8::try_from(length).unwrap());
            block.extend(text.bytes());
        }
        self.section(".go.buildinfo", 3, &block)
    }

    /// As Go linked it before 1.18: pointers to pointers.
    pub fn old_go(self, path: &str, modules: &[&str]) -> Elf {
        let (go, text) = ("go1.16.4".to_owned(), go_text(path, modules));
        // The first of the other sections lies where it is known beforehand only when it is asked for.
        let at = self.clone().section(".go.buildinfo", 3, &[0; 64]).place(".go.buildinfo");
        let mut block = b"\xff Go buildinf:\x08\x00".to_vec();
        let (first, second) = (at + 32, at + 48);
        let texts = at + 64;
        let length = |it: &String| u64::try_from(it.len()).unwrap();
        for it in [first, second, texts, length(&go), texts + length(&go), length(&text)] {
            block.extend(it.to_le_bytes());
        }
        block.extend(go.bytes().chain(text.bytes()));
        self.section(".go.buildinfo", 3, &block)
    }

    /// The address of a section.
    fn place(&self, name: &str) -> u64 {
        let parts = self.parts();
        parts.iter().find(|it| it.name == name).map(|it| it.at + BASE).unwrap()
    }

    /// The bytes.
    pub fn build(&self) -> Vec<u8> {
        let parts = self.parts();
        let segments = self.segments(&parts);
        let mut bytes = vec![0; self.headers_size()];
        for it in &parts {
            bytes.resize(usize::try_from(it.at).unwrap(), 0);
            bytes.extend(&it.content);
        }
        let table = if self.sections { bytes.len().next_multiple_of(16) } else { 0 };
        if self.sections {
            bytes.resize(table, 0);
            bytes.extend(self.table(&parts));
        }
        let header = self.header(u64::try_from(table).unwrap(), &parts);
        bytes[..header.len()].copy_from_slice(&header);
        bytes[header.len()..header.len() + segments.len()].copy_from_slice(&segments);
        bytes.extend(&self.behind);
        bytes
    }

    fn is_dynamic(&self) -> bool {
        self.kind != 1 && !self.bare && (self.kind == 3 || self.interpreter.is_some())
    }

    fn segment_count(&self) -> usize {
        if self.kind == 1 {
            return 0;
        }
        1 + usize::from(self.is_dynamic()) + usize::from(self.interpreter.is_some())
    }

    fn headers_size(&self) -> usize {
        let (header, segment) = if self.wide { (64, 56) } else { (52, 32) };
        header + segment * self.segment_count()
    }

    /// Everything between the headers and the table of sections, with its place.
    fn parts(&self) -> Vec<Part> {
        let (symbols, names, places) = self.symbols();
        let object = self.kind == 1;
        let mut constants = Vec::new();
        self.strings.iter().for_each(|it| constants.extend(it.bytes().chain([0])));
        // xor eax, eax; ret
        let code = vec![0x31, 0xc0, 0xc3, 0x90];
        let part = |name: &str, kind, flags, link, entry, content| Part {
            name: name.to_owned(),
            kind,
            flags,
            link,
            entry,
            content,
            at: 0,
        };
        let (size, loaded) = (if self.wide { 24 } else { 16 }, if object { 0 } else { 2 });
        let (table, kind) = if object { ("symtab", 2) } else { ("dynsym", 11) };
        let text = if object { ".strtab" } else { ".dynstr" };
        let mut all = vec![part(".text", 1, 6, 0, 0, code)];
        if !self.bare {
            all.push(part(".rodata", 1, 2, 0, 0, constants));
            all.push(part(&format!(".{table}"), kind, loaded, 4, size, symbols));
            all.push(part(text, 3, loaded, 0, 0, names));
        }
        if let Some(it) = &self.interpreter {
            all.push(part(".interp", 1, 2, 0, 0, it.bytes().chain([0]).collect()));
        }
        if self.is_dynamic() {
            let hash = [
                self.numbers(&[1, self.symbol_count(), 0]),
                self.numbers(&vec![0; usize::try_from(self.symbol_count()).unwrap()]),
            ]
            .concat();
            all.push(part(".hash", 5, 2, 3, 4, hash));
            // Filled in when it is known where the others are.
            let entries = 7 + self.needed.len();
            all.push(part(
                ".dynamic",
                6,
                2,
                4,
                if self.wide { 16 } else { 8 },
                vec![0; entries * if self.wide { 16 } else { 8 }],
            ));
        }
        all.extend(self.more.iter().map(|it| part(&it.0, 1, it.1, 0, 0, it.2.clone())));
        if self.sections {
            let text = all.iter().map(|it| &*it.name).chain([".shstrtab"]);
            let text: Vec<u8> =
                [0].into_iter().chain(text.flat_map(|it| it.bytes().chain([0]))).collect();
            all.push(part(".shstrtab", 3, 0, 0, 0, text));
        }
        let mut at = self.headers_size();
        for it in &mut all {
            at = at.next_multiple_of(if self.bare { 1 } else { 16 });
            it.at = u64::try_from(at).unwrap();
            at += it.content.len();
        }
        if self.is_dynamic() {
            let content = self.dynamic(&all, &places);
            all.iter_mut().find(|it| it.name == ".dynamic").unwrap().content = content;
        }
        all
    }

    fn symbol_count(&self) -> u32 {
        u32::try_from(1 + self.imports.len() + self.exports.len()).unwrap()
    }

    /// The table of symbols, their names, and where among these the others stand that the dynamic section needs.
    fn symbols(&self) -> (Vec<u8>, Vec<u8>, Vec<u64>) {
        let mut names = vec![0];
        let mut symbols = vec![0; if self.wide { 24 } else { 16 }];
        let imports = self.imports.iter().map(|it| (0_u16, it));
        for (section, name) in imports.chain(self.exports.iter().map(|it| (1, it))) {
            let at = u32::try_from(names.len()).unwrap();
            let value = if self.kind == 1 { 0 } else { (BASE + 0x1000) * u64::from(section) };
            symbols.extend(self.numbers(&[at]));
            // A function that all see.
            let info = [&[0x12, 0][..], &self.half(section)].concat();
            if self.wide {
                symbols.extend([info, self.word(value), self.word(0)].concat());
            } else {
                symbols.extend([self.word(value), self.word(0), info].concat());
            }
            names.extend(name.bytes().chain([0]));
        }
        let mut places = Vec::new();
        for it in self.needed.iter().chain(&self.search) {
            places.push(u64::try_from(names.len()).unwrap());
            names.extend(it.bytes().chain([0]));
        }
        (symbols, names, places)
    }

    fn dynamic(&self, parts: &[Part], places: &[u64]) -> Vec<u8> {
        let part = |name: &str| parts.iter().find(|it| it.name == name).unwrap();
        let address = |name: &str| part(name).at + BASE;
        let mut entries: Vec<(u64, u64)> =
            self.needed.iter().zip(places).map(|it| (1, *it.1)).collect();
        entries.extend([(4, address(".hash")), (5, address(".dynstr")), (6, address(".dynsym"))]);
        entries.extend([(10, u64::try_from(part(".dynstr").content.len()).unwrap())]);
        entries.push((11, if self.wide { 24 } else { 16 }));
        if self.search.is_some() {
            entries.push((29, places[self.needed.len()]));
        }
        entries.resize(7 + self.needed.len(), (0, 0));
        entries.iter().flat_map(|it| [self.word(it.0), self.word(it.1)].concat()).collect()
    }

    fn segments(&self, parts: &[Part]) -> Vec<u8> {
        if self.kind == 1 {
            return Vec::new();
        }
        let end = parts.last().map_or(0, |it| it.at + u64::try_from(it.content.len()).unwrap());
        let found = |kind, name: &str| {
            let it = parts.iter().find(|it| it.name == name)?;
            Some((kind, 4, it.at, u64::try_from(it.content.len()).unwrap()))
        };
        let named = [found(3, ".interp"), found(2, ".dynamic")];
        let all = named.into_iter().flatten().chain([(1, self.flags, 0, end)]);
        all.flat_map(|(kind, flags, at, size)| self.segment(kind, flags, at, size)).collect()
    }

    fn segment(&self, kind: u32, flags: u32, at: u64, size: u64) -> Vec<u8> {
        let places = [at, BASE + at, BASE + at, size, size].map(|it| self.word(it)).concat();
        let align = self.word(if kind == 1 { 0x1000 } else { 1 });
        let (kind, flags) = (self.numbers(&[kind]), self.numbers(&[flags]));
        if self.wide {
            [kind, flags, places, align].concat()
        } else {
            [kind, places, flags, align].concat()
        }
    }

    fn table(&self, parts: &[Part]) -> Vec<u8> {
        let mut table = vec![0; if self.wide { 64 } else { 40 }];
        let mut name = 1;
        for it in parts {
            let loaded = it.flags & 2 != 0 && self.kind != 1;
            let size = u64::try_from(it.content.len()).unwrap();
            table.extend(self.numbers(&[name, it.kind]));
            [it.flags, if loaded { BASE + it.at } else { 0 }, it.at, size]
                .iter()
                .for_each(|it| table.extend(self.word(*it)));
            // The first symbol that others see.
            let first = u32::from(matches!(it.kind, 2 | 11));
            table.extend(self.numbers(&[it.link, first]));
            [1, it.entry].iter().for_each(|it| table.extend(self.word(*it)));
            name += u32::try_from(it.name.len()).unwrap() + 1;
        }
        table
    }

    fn header(&self, sections: u64, parts: &[Part]) -> Vec<u8> {
        let mut header = b"\x7fELF".to_vec();
        header.extend([1 + u8::from(self.wide), 1 + u8::from(self.big), 1]);
        header.resize(16, 0);
        header.extend([self.half(self.kind), self.half(self.machine), self.numbers(&[1])].concat());
        let code = parts.first().map_or(0, |it| it.at + BASE);
        let entry = self.entry.unwrap_or(if self.kind == 2 { code } else { 0 });
        let size: u16 = if self.wide { 64 } else { 52 };
        let first = if self.kind == 1 { 0 } else { u64::from(size) };
        header.extend([self.word(entry), self.word(first), self.word(sections)].concat());
        header.extend(self.numbers(&[0]));
        let count = if self.sections { u16::try_from(parts.len()).unwrap() } else { 0 };
        let entry = if self.sections { if self.wide { 64 } else { 40 } } else { 0 };
        let segments = u16::try_from(self.segment_count()).unwrap();
        let segment = if self.kind == 1 {
            0
        } else if self.wide {
            56
        } else {
            32
        };
        let count = if self.sections { count + 1 } else { 0 };
        [size, segment, segments, entry, count, count.saturating_sub(1)]
            .iter()
            .for_each(|it| header.extend(self.half(*it)));
        header
    }

    fn half(&self, it: u16) -> Vec<u8> {
        if self.big { it.to_be_bytes().to_vec() } else { it.to_le_bytes().to_vec() }
    }

    fn numbers(&self, all: &[u32]) -> Vec<u8> {
        let one = |it: &u32| if self.big { it.to_be_bytes() } else { it.to_le_bytes() };
        all.iter().flat_map(one).collect()
    }

    fn word(&self, it: u64) -> Vec<u8> {
        if self.wide {
            if self.big { it.to_be_bytes().to_vec() } else { it.to_le_bytes().to_vec() }
        } else {
            self.numbers(&[u32::try_from(it).unwrap()])
        }
    }
}

/// A list of modules, between the marks that Go puts around it.
fn go_text(path: &str, modules: &[&str]) -> String {
    let lines: String = modules.iter().map(|it| format!("{it}\n")).collect();
    format!("0123456789abcdefpath\t{path}\n{lines}fedcba9876543210")
}

#[cfg(test)]
mod tests {
    use super::Elf;
    use std::{fs, process::Command};

    /// What binutils say of it.
    fn readelf(bytes: &[u8]) -> Option<String> {
        let name = format!("plimsoll-{}-{}.elf", std::process::id(), bytes.len());
        let file = std::env::temp_dir().join(name);
        fs::write(&file, bytes).unwrap();
        let out = Command::new("readelf").args(["-a", "-W"]).arg(&file).output();
        fs::remove_file(&file).unwrap();
        let Ok(out) = out else {
            assert!(std::env::var_os("PLIMSOLL_TEST_ALL").is_none(), "readelf is not installed");
            eprintln!("skipped: readelf is not installed");
            return None;
        };
        Some(String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned())
    }

    #[test]
    fn others_can_read_them() {
        let check = |elf: Elf, words: &[&str]| {
            let Some(text) = readelf(&elf.build()) else { return };
            assert!(!text.contains("Warning") && !text.contains("Error"), "{text}");
            words.iter().for_each(|it| assert!(text.contains(it), "no {it} in {text}"));
        };
        check(Elf::program().strings(["hello"]), &["EXEC", "Advanced Micro Devices", "R E"]);
        check(
            Elf::library()
                .exports(&["readdir"])
                .imports(&["dlsym"])
                .needs("libc.so.6")
                .search("/opt/x"),
            &["DYN", "readdir", "UND dlsym", "[libc.so.6]", "[/opt/x]", "RUNPATH"],
        );
        check(
            Elf::program().narrow().interpreter("/lib/ld-linux.so.2").machine(3),
            &["ELF32", "Intel 80386", "[Requesting program interpreter: /lib/ld-linux.so.2]"],
        );
        check(
            Elf::library().narrow().big_endian().machine(8).exports(&["f"]),
            &["big endian", "MIPS", "FUNC    GLOBAL DEFAULT    1 f"],
        );
        check(Elf::library().big_endian().machine(22).imports(&["f"]), &["IBM S/390", "UND f"]);
        check(
            Elf::object().imports(&["printk"]).section(".modinfo", 2, b"license=GPL\0"),
            &["REL", ".modinfo", "UND printk"],
        );
        check(Elf::program().writable_code().bare(), &["There are no sections", "RWE"]);
        check(
            Elf::program().go("example.com/a", &["mod\texample.com/a\tv1.0.0\t"]),
            &[".go.buildinfo"],
        );
    }
}
