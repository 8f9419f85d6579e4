//! The wall around the process that reads layers: what it may still do once it has what it needs.
//!
//! Landlock takes the file system and the network away, seccomp all system calls but the few that
//! reading, writing, memory and threads need, resource limits the rest.
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus,
};
use rustix::process::{Resource, Rlimit, setrlimit};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};
use std::{collections::BTreeMap, fs::File, os::fd::AsRawFd};

/// Bytes of memory that a process which inspects a layer may have of its own.
const MEMORY_BYTES: u64 = 1 << 30;
/// Seconds of processor time that it may take.
const CPU_SECONDS: u64 = 3600;

/// Confines this process, which keeps the use of the standard streams and of `spool`. The answer names the
/// walls that could not be put up, with the reason.
pub(crate) fn confine(file_bytes: u64, spool: Option<&File>) -> Vec<String> {
    let mut missing = Vec::new();
    for (name, outcome) in [
        ("resource limits", limit(file_bytes)),
        ("landlock", landlock()),
        ("seccomp", seccomp(spool)),
    ] {
        if let Err(why) = outcome {
            missing.push(format!("{name}: {why}"));
        }
    }
    missing
}

fn limit(file_bytes: u64) -> Result<(), String> {
    for (resource, value) in [
        (Resource::Core, 0),
        (Resource::Cpu, CPU_SECONDS),
        (Resource::Data, MEMORY_BYTES),
        (Resource::Fsize, file_bytes),
    ] {
        let limit = Rlimit { current: Some(value), maximum: Some(value) };
        setrlimit(resource, limit).map_err(|err| format!("{resource:?}: {err}"))?;
    }
    Ok(())
}

fn landlock() -> Result<(), String> {
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V5))
        .and_then(|it| it.handle_access(AccessNet::from_all(ABI::V5)))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self)
        .map_err(|err| err.to_string())?;
    match status.ruleset {
        RulesetStatus::NotEnforced => Err("this kernel does not have it".to_owned()),
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
    }
}

/// What decompressing and parsing need: bytes in and out of what is open already, memory, threads,
/// and a way to end.
const SYSTEM_CALLS: &[libc::c_long] = &[
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_fcntl,
    libc::SYS_fstat,
    libc::SYS_ftruncate,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_pread64,
    libc::SYS_prctl,
    libc::SYS_pwrite64,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
    libc::SYS_statx,
    libc::SYS_tgkill,
    libc::SYS_write,
    libc::SYS_writev,
];

/// Calls whose first argument is an open file. Whoever started us may have left files open that we know
/// nothing of, and without unsafe code they can't be closed: so they can't be used.
const FILE_CALLS: &[libc::c_long] = &[
    libc::SYS_fcntl,
    libc::SYS_fstat,
    libc::SYS_ftruncate,
    libc::SYS_lseek,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
];

type Rules = BTreeMap<libc::c_long, Vec<SeccompRule>>;

fn seccomp(spool: Option<&File>) -> Result<(), String> {
    // The flags of this one are behind a pointer, where no filter sees them. Who is told that it does not
    // exist uses the older one.
    let rules = [(libc::SYS_clone3, Vec::new())].into();
    install(rules, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS.unsigned_abs()))?;
    let rules = rules_for(spool).map_err(|err| err.to_string())?;
    install(rules, SeccompAction::Errno(libc::EPERM.unsigned_abs()), SeccompAction::Allow)
}

fn install(rules: Rules, otherwise: SeccompAction, then: SeccompAction) -> Result<(), String> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|err| err.to_string())?;
    let filter = SeccompFilter::new(rules, otherwise, then, arch).map_err(|err| err.to_string())?;
    let program = BpfProgram::try_from(filter).map_err(|err| err.to_string())?;
    seccompiler::apply_filter(&program).map_err(|err| err.to_string())
}

fn rules_for(spool: Option<&File>) -> Result<Rules, BackendError> {
    let mut rules: Rules = SYSTEM_CALLS.iter().map(|call| (*call, Vec::new())).collect();
    let files = (0..=2).chain(spool.map(AsRawFd::as_raw_fd));
    let files: Vec<u64> = files.filter_map(|it| u64::try_from(it).ok()).collect();
    for call in FILE_CALLS {
        let ours = files.iter().map(|it| {
            let is = SeccompCmpOp::Eq;
            SeccompRule::new(vec![SeccompCondition::new(0, SeccompCmpArgLen::Dword, is, *it)?])
        });
        rules.insert(*call, ours.collect::<Result<_, _>>()?);
    }
    // Threads, but no processes: those would outlive whoever ends us. Memory, but no files in it.
    for (call, flags, wanted) in
        [(libc::SYS_clone, 0, libc::CLONE_THREAD), (libc::SYS_mmap, 3, libc::MAP_ANONYMOUS)]
    {
        let wanted = u64::from(wanted.unsigned_abs());
        let has = SeccompCmpOp::MaskedEq(wanted);
        let has = SeccompCondition::new(flags, SeccompCmpArgLen::Qword, has, wanted)?;
        rules.insert(call, vec![SeccompRule::new(vec![has])?]);
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        env, fs,
        io::{self, Read, Seek, Write},
        net::{TcpListener, TcpStream, UdpSocket},
        os::unix::net::UnixStream,
        process::Command,
        thread,
    };

    /// What a confined process tries, each with what came of it.
    fn attempts() -> Vec<(&'static str, io::Result<()>)> {
        vec![
            ("read a file", File::open("/proc/self/status").map(drop)),
            ("write a file", File::create(env::temp_dir().join("plimsoll-confined")).map(drop)),
            ("remove a file", fs::remove_file("/proc/self/status")),
            ("list a folder", fs::read_dir("/").map(drop)),
            ("make a folder", fs::create_dir(env::temp_dir().join("plimsoll-confined"))),
            ("connect", TcpStream::connect("127.0.0.1:9").map(drop)),
            ("listen", TcpListener::bind("127.0.0.1:0").map(drop)),
            ("send datagrams", UdpSocket::bind("127.0.0.1:0").map(drop)),
            ("open a local socket", UnixStream::pair().map(drop)),
            ("start a program", Command::new("/proc/self/exe").spawn().map(drop)),
        ]
    }

    /// The walls can't be taken down again, so this has a process of its own.
    #[test]
    #[ignore = "it is run by the other test, in a process of its own"]
    fn inside() {
        let mut other = File::open("/proc/self/status").unwrap();
        let mut spool = tempfile::tempfile().unwrap();
        for it in confine(1 << 20, Some(&spool)) {
            println!("missing {it}");
        }
        let inherited = ("use what else is open", other.read(&mut [0; 9]).map(drop));
        for (what, outcome) in attempts().into_iter().chain([inherited]) {
            match outcome {
                Err(err) if err.kind() == io::ErrorKind::PermissionDenied => {}
                other => println!("could {what}: {other:?}"),
            }
        }
        spool.write_all(b"spooled").unwrap();
        spool.rewind().unwrap();
        assert_eq!(io::read_to_string(&spool).unwrap(), "spooled");
        let sum = thread::spawn(|| vec![1_u8; 32 << 20].iter().map(|it| usize::from(*it)).sum());
        let sum: usize = sum.join().unwrap();
        println!("computed {sum}");
    }

    #[test]
    fn a_confined_process_can_do_nothing_but_compute() {
        let arguments = ["--exact", "sandbox::tests::inside", "--ignored", "--nocapture"];
        let output = Command::new(env::current_exe().unwrap()).args(arguments).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.contains("computed 33554432"), "{text}");
        let missing: Vec<&str> = text.lines().filter(|it| it.contains("missing ")).collect();
        if missing.is_empty() {
            assert!(!text.contains("could "), "{text}");
        } else {
            eprintln!(
                "this kernel can't confine us wholly, so nothing is held against it: {missing:?}"
            );
        }
    }
}
