#ifndef RUN_RUN_H
#define RUN_RUN_H

/*
 * The supervisor, llmgw-run(8): N processes of one program on the listening
 * socket at fd 0 (or the one systemd passed), restarted when they end, with a
 * back-off of 0.1 to 5 s.  Ten ends within 60 s are a loop that no restart
 * will cure: all stop, exit status 1.
 *
 * SIGTERM, SIGINT: SIGTERM to all, wait, end.  SIGQUIT: the same with SIGQUIT.
 * SIGHUP: a new set of processes.  First the configuration is tested; then the
 * new set is started beside the old one, and only when it has lived for a
 * second the old one gets SIGQUIT, by which it drains.  If the test or the new
 * set fails, the old one stays.
 *
 * Returns the exit status; 64 is wrong usage.
 */
int run_main(int argc, char *argv[]);

#endif
