#include "base/net.h"
#include "pipeline/path.h"
#include "pipeline/server.h"
#include "pipeline/world.h"

void
server_trust(struct world *w, int listen_fd)
{
	const char *path = w->conf.trusted_identity_socket;

	w->trusts_server =
	    listen_fd != -1 && path[0] != '\0' && net_bound_to(listen_fd, path);
	if (w->trusts_server)
		log_say(&w->log, LOG_INFO_,
		    "on this socket the web server says who asks");
}

bool
server_identity(const struct req *r, struct identity *who)
{
	if (!r->world->trusts_server)
		return false;
	*who = (struct identity){ IDENTITY_USER, req_param(r, "REMOTE_USER") };
	if (who->value.n > 0)
		return true;
	if (!str_is(req_param(r, "SSL_CLIENT_VERIFY"), "SUCCESS"))
		return false;
	*who =
	    (struct identity){ IDENTITY_DN, req_param(r, "SSL_CLIENT_S_DN") };
	return who->value.n > 0;
}

int
server_check_origin(struct req *r)
{
	struct str origin = req_param(r, "HTTP_ORIGIN"), host = origin;

	if (origin.n == 0 || r->origin.p != NULL) /* cors_origins has it */
		return 0;
	str_split(&host, '/');
	str_split(&host, '/');
	if ((host.n > 0 && str_eq(host, req_param(r, "HTTP_HOST"))) ||
	    str_eq(origin, path_origin(str_from(r->world->conf.public_url))))
		return 0;
	return err_set(&r->err, ERR_FORBIDDEN,
	    "A page of another origin may not ask in the name of its visitor");
}
