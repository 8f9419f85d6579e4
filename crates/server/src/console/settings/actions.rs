//! What people call the actions of the audit log. English has the summaries of the routes.
use crate::{console::words::Words, routes::ROUTES};

/// The operations that the audit log notes, as the API names them, and in Chinese.
pub(super) static ACTIONS: [(&str, &str); 42] = [
    ("addAccount", "添加云账号"),
    ("addChannel", "添加通知渠道"),
    ("addCustomRules", "添加自定义规则"),
    ("addException", "添加例外"),
    ("addPerson", "添加用户"),
    ("addRegistry", "添加镜像仓库"),
    ("addToken", "创建令牌"),
    ("authoriseQuota", "设置授权总数"),
    ("cancelTask", "取消任务"),
    ("changeAccount", "修改云账号"),
    ("changeChannel", "修改通知渠道"),
    ("changeCustomRules", "修改自定义规则"),
    ("changePassword", "修改本人密码"),
    ("changePerson", "修改用户"),
    ("changeRegistry", "修改镜像仓库"),
    ("changeScanSettings", "修改扫描设置"),
    ("distrustKey", "取消信任公钥"),
    ("endException", "终止例外"),
    ("endSessions", "强制用户下线"),
    ("finishOidc", "通过 OpenID 登录"),
    ("importAdvisories", "导入漏洞库"),
    ("importBundle", "导入规则包"),
    ("importVex", "导入 VEX 文档"),
    ("logIn", "登录"),
    ("logOut", "退出登录"),
    ("makeHook", "生成 Webhook 密钥"),
    ("removeAccount", "移除云账号"),
    ("removeChannel", "移除通知渠道"),
    ("removeCustomRules", "移除自定义规则"),
    ("removeHook", "移除 Webhook"),
    ("removePerson", "移除用户"),
    ("removeRegistry", "移除镜像仓库"),
    ("removeToken", "移除令牌"),
    ("retryTask", "重试任务"),
    ("rollBackBundle", "回滚规则包"),
    ("scanNow", "立即扫描"),
    ("sendAgain", "重新发送通知"),
    ("setUp", "创建首个管理员"),
    ("synchroniseRegistry", "同步镜像仓库"),
    ("testChannel", "测试通知渠道"),
    ("trustKey", "信任公钥"),
    ("updateAdvisories", "更新漏洞库"),
];

/// What people call an action. One that is not known is its own name.
pub(super) fn words<'a>(name: &'a str, w: &'static Words) -> &'a str {
    if w.language != "en" {
        return ACTIONS.iter().find(|it| it.0 == name).map_or(name, |it| it.1);
    }
    ROUTES.iter().find(|it| it.name == name && !it.summary.is_empty()).map_or(name, |it| it.summary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_has_words() {
        // They ask only, or come from registries, which are no people.
        let others = [
            "checkCustomRules",
            "checkNewCustomRules",
            "previewScan",
            "previewScope",
            "tellOfChange",
            "tellOfChangeByAddress",
        ];
        let tests = ["testAccount", "testNewAccount", "testNewRegistry", "testRegistry"];
        let known = |name: &str| ACTIONS.iter().any(|it| it.0 == name);
        for it in ROUTES.iter().filter(|it| !it.method.is_safe()) {
            let asks = others.contains(&it.name) || tests.contains(&it.name);
            assert_eq!(known(it.name), !asks, "{}", it.name);
        }
        for (name, _) in ACTIONS {
            assert!(ROUTES.iter().any(|it| it.name == name), "{name}");
        }
        assert!(ACTIONS.is_sorted());
    }
}
