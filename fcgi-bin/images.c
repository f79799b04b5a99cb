/* Images: generations and edits. */
#include "fcgi/worker.h"

int
main(int argc, char *argv[])
{
	return worker_main(argc, argv, &program_images);
}
