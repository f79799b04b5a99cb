#ifndef PIPELINE_SERVER_H
#define PIPELINE_SERVER_H

#include "domain/identity.h"
#include "pipeline/stage.h"

/*
 * Whom the web server has authenticated: by a password, single sign-on, LDAP,
 * a client certificate.  Its parameters are believed on one named socket and on
 * no other (trusted_identity_socket); headers of clients never are.
 */

/* At start: is the listening socket that one?  -1: there is none. */
void server_trust(struct world *, int listen_fd);

/*
 * REMOTE_USER, else SSL_CLIENT_S_DN if SSL_CLIENT_VERIFY says SUCCESS; a server
 * that does not say so is not believed.  False: nobody, or not to be believed.
 */
bool server_identity(const struct req *, struct identity *);

/*
 * A browser sends a password or a certificate with what pages of any site ask:
 * 403 if the request comes from a page of another origin than ours (Host,
 * public_url) that cors_origins does not name.
 */
int server_check_origin(struct req *);

#endif
