//! What the console says, in each of its languages: a word that one of them lacks does not compile.

macro_rules! words {
    ($($name:ident: $en:literal, $zh:literal;)*) => {
        /// The words of one language.
        #[expect(missing_docs, reason = "they say it themselves")]
        #[derive(Debug)]
        pub(crate) struct Words { $(pub(crate) $name: &'static str,)* }

        /// English.
        pub(crate) static EN: Words = Words { $($name: $en,)* };

        /// Simplified Chinese.
        pub(crate) static ZH: Words = Words { $($name: $zh,)* };
    };
}

words! {
    language: "en", "zh-CN";
    other_language: "中文", "English";
    image_security: "Image Security", "镜像安全";
    images: "Images", "镜像";
    tasks: "Tasks", "任务";
    settings: "Settings", "设置";
    log_in: "Log in", "登录";
    log_out: "Log out", "退出登录";
    name: "Name", "名称";
    password: "Password", "密码";
    setup_token: "Setup token (from the log)", "初始化令牌（见日志）";
    set_up: "Make the first administrator", "创建首个管理员";
    set_up_why: "Nobody is here yet. The log of this server shows a token that only its operator can read.", "此处尚无用户。服务器日志中有一个只有运维人员能看到的令牌。";
    by_provider: "Log in with your organisation", "使用组织账号登录";
    scan_now: "Scan now", "一键扫描";
    scan_settings: "Scan settings", "扫描设置";
    at_high: "High risk", "高风险";
    at_medium: "Medium risk", "中风险";
    at_low: "Low risk", "低风险";
    scanned: "Scanned", "已扫描";
    never_scanned: "Never scanned", "从未扫描";
    failed: "Failed", "失败";
    unknown: "Unknown", "未知";
    quota: "Quota", "授权数";
    unlimited: "unlimited", "不限";
    cycle: "Cycle", "扫描周期";
    last: "last", "上次";
    next: "next", "下次";
    never: "never", "从不";
    advisories: "Advisories", "漏洞库";
    starter_only: "starter set only", "仅内置数据";
    system: "System vulnerabilities", "系统漏洞";
    application: "Application vulnerabilities", "应用漏洞";
    registries: "Registries", "镜像仓库";
    search: "Search", "搜索";
    level: "Level", "等级";
    any: "any", "全部";
    high: "high", "高";
    medium: "medium", "中";
    low: "low", "低";
    none: "none", "无";
    exploited: "Exploited", "已被利用";
    fixable: "Fix available", "可修复";
    state: "State", "状态";
    open: "open", "未处理";
    handled: "handled", "已处理";
    gone: "gone", "已消失";
    priority: "Priority", "优先级";
    risk: "Risk", "风险";
    marks: "Marks", "标签";
    components: "Components", "组件";
    first_seen: "First seen", "首次发现";
    more: "Next page", "下一页";
    from_start: "First page", "第一页";
    no_risks: "No open risks match.", "没有匹配的未处理风险。";
    no_risks_why: "That means something only for images that were scanned and seen well: look at the coverage.", "仅对已扫描且覆盖充分的镜像有意义：请查看覆盖情况。";
    address: "Address", "地址";
    kind: "Type", "类型";
    synchronised: "Synchronised", "同步时间";
    repositories: "Repositories", "仓库数";
    no_registries: "No registry yet.", "尚未添加镜像仓库。";
    no_registries_why: "Add one, and its images appear here by themselves.", "添加后，其中的镜像会自动出现。";
    add_registry: "Add registry", "添加镜像仓库";
    image: "Image", "镜像";
    tags: "Tags", "标签";
    platform: "Platform", "平台";
    size: "Size", "大小";
    last_scan: "Last scan", "上次扫描";
    coverage: "Coverage", "覆盖";
    known: "known", "充分";
    partial: "partial", "部分";
    no_images: "No images match.", "没有匹配的镜像。";
    findings: "Findings", "漏洞";
    layers: "Layers", "镜像层";
    fix_plan: "Fix plan", "修复方案";
    timeline: "Timeline", "时间线";
    package: "Package", "软件包";
    version: "Version", "版本";
    fixed_in: "Fixed in", "修复版本";
    no_fix: "no fix yet", "暂无修复";
    nothing_open: "Nothing is open in this image.", "该镜像没有未处理的风险。";
    coverage_says: "How much that means depends on what was seen: see the coverage above.", "其意义取决于已查看的范围：请参阅上方的覆盖情况。";
    ecosystem: "Ecosystem", "生态";
    path: "Path", "路径";
    layer: "Layer", "层";
    brought_in: "brought in", "引入";
    digest: "Digest", "摘要";
    distribution: "System", "操作系统";
    pushed: "Pushed", "推送时间";
    attributed: "of executable content attributed to packages", "的可执行内容归属于已知软件包";
    gaps: "went unseen", "处未能查看";
    why_coverage: "Why", "原因";
    removes: "Removes", "消除";
    do_this: "Do", "操作";
    stays: "No version mends yet", "尚无版本可修复";
    nothing_to_do: "Nothing can be upgraded to remove findings.", "没有可通过升级消除的风险。";
    at_once: "All at once", "一次完成";
    happened_scanned: "Scanned", "已扫描";
    happened_failed: "Scan failed", "扫描失败";
    happened_appeared: "Appeared", "出现";
    happened_gone: "Went", "消失";
    happened_handled: "Handled", "已处理";
    download: "Download", "下载";
    published: "Published", "发布时间";
    why_matched: "Why it matched", "匹配原因";
    compared: "compared", "比较";
    advisory: "Advisory", "公告";
    ratings: "Ratings", "评分";
    references: "References", "参考";
    aliases: "Also known as", "别名";
    affected_images: "Affected images", "受影响的镜像";
    more_images: "All affected images", "所有受影响的镜像";
    task: "Task", "任务";
    asked_by: "Asked by", "发起者";
    started: "Started", "开始时间";
    ended: "Ended", "结束时间";
    items: "Images", "镜像";
    done: "done", "完成";
    running: "running", "进行中";
    waiting: "waiting", "等待中";
    cancelled: "cancelled", "已取消";
    quota_exhausted: "quota exhausted", "授权数不足";
    cancel: "Cancel", "取消";
    retry_failed: "Retry failed", "重试失败项";
    resume: "Resume", "继续";
    reason: "Reason", "原因";
    no_tasks: "Nothing has been scanned yet.", "尚未进行任何扫描。";
    no_tasks_why: "Press Scan now on the first page.", "请在首页点击“一键扫描”。";
    one_click: "One-Click Scan", "一键扫描";
    image_types: "Image types", "镜像类型";
    narrow: "Only repositories like", "仅限仓库";
    narrow_tags: "Only tags like", "仅限标签";
    again: "Look at images anew that are known already", "重新检查已知镜像";
    will_be: "images, of which known:", "个镜像，其中已知：";
    will_cost: "quota needed:", "需要授权数：";
    ok: "OK", "确定";
    scan_again: "Verify: scan again", "验证：重新扫描";
    not_there: "There is nothing here", "页面不存在";
    not_possible: "That did not work", "操作未成功";
    request: "request", "请求";
    back: "Back to Image Security", "返回镜像安全";
}
