#include "room.h"

TCase *case_arena(void);
TCase *case_buf(void);
TCase *case_cgroup(void);
TCase *case_clock(void);
TCase *case_conf(void);
TCase *case_conf_table(void);
TCase *case_err(void);
TCase *case_file(void);
TCase *case_hash(void);
TCase *case_log(void);
TCase *case_net(void);
TCase *case_pieces(void);
TCase *case_rand(void);
TCase *case_seal(void);
TCase *case_secret(void);
TCase *case_unpack(void);

const char *const room_name = "base";
TCase *(*const room_cases[])(void) = {
	case_arena,
	case_buf,
	case_cgroup,
	case_clock,
	case_conf,
	case_conf_table,
	case_err,
	case_file,
	case_hash,
	case_log,
	case_net,
	case_pieces,
	case_rand,
	case_seal,
	case_secret,
	case_unpack,
	NULL,
};
