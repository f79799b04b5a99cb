#ifndef CTL_CMD_H
#define CTL_CMD_H

#include "ctl/ctl.h"

/*
 * The commands; what they do is said by their rows in commands.c and in
 * llmgwctl(8).
 */
int cmd_init(struct ctl *, struct err *);
int cmd_tenant_create(struct ctl *, struct err *);
int cmd_tenant_list(struct ctl *, struct err *);
int cmd_tenant_show(struct ctl *, struct err *);
int cmd_tenant_rename(struct ctl *, struct err *);
int cmd_tenant_mode(struct ctl *, struct err *);
int cmd_tenant_enable(struct ctl *, struct err *);
int cmd_tenant_disable(struct ctl *, struct err *);
int cmd_tenant_delete(struct ctl *, struct err *);
int cmd_resource(struct ctl *, struct err *);
int cmd_audit_verify(struct ctl *, struct err *);
int cmd_guard_test(struct ctl *, struct err *);
int cmd_session_link(struct ctl *, struct err *);
int cmd_explain(struct ctl *, struct err *);
int cmd_cache_clear(struct ctl *, struct err *);
int cmd_usage(struct ctl *, struct err *);
int cmd_log_list(struct ctl *, struct err *);
int cmd_log_show(struct ctl *, struct err *);
int cmd_log_purge(struct ctl *, struct err *);
int cmd_models_list(struct ctl *, struct err *);
int cmd_models_show(struct ctl *, struct err *);
int cmd_update(struct ctl *, struct err *);
int cmd_provider_list(struct ctl *, struct err *);
int cmd_provider_reset(struct ctl *, struct err *);
int cmd_config_test(struct ctl *, struct err *);
int cmd_config_dump(struct ctl *, struct err *);
int cmd_config_manual(struct ctl *, struct err *);
int cmd_db_migrate(struct ctl *, struct err *);
int cmd_db_status(struct ctl *, struct err *);
int cmd_db_copy(struct ctl *, struct err *);
int cmd_backup(struct ctl *, struct err *);
int cmd_restore(struct ctl *, struct err *);
int cmd_doctor(struct ctl *, struct err *);

#endif
