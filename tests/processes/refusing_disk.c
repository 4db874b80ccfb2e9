/* Calls of the system that a disk refuses, for processes that are started with LD_PRELOAD on this.
 * REFUSE: which, of those below, with commas between; WITH: the error; BELOW: the folder that is the disk;
 * SHIMLOG: a file that gets a line for each refusal. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/file.h>
#include <sys/time.h>
#include <unistd.h>
static int on(const char*w){const char*r=getenv("REFUSE");if(!r)return 0;size_t n=strlen(w);for(const char*p=r;(p=strstr(p,w));p+=n)if((p==r||p[-1]==',')&&(p[n]==0||p[n]==','))return 1;return 0;}
static int code(void){const char*e=getenv("WITH");if(!e)return ENOTSUP;if(!strcmp(e,"EPERM"))return EPERM;if(!strcmp(e,"EINVAL"))return EINVAL;if(!strcmp(e,"ENOSYS"))return ENOSYS;if(!strcmp(e,"ENOLCK"))return ENOLCK;if(!strcmp(e,"EACCES"))return EACCES;return ENOTSUP;}
static int below(const char*p){const char*b=getenv("BELOW");if(!b||!p)return 1;char full[4200];if(p[0]!='/'){if(!getcwd(full,2000))return 0;strcat(full,"/");strncat(full,p,2000);p=full;}return !strncmp(p,b,strlen(b));}
static int fdbelow(int fd){char l[64],t[4200];snprintf(l,64,"/proc/self/fd/%d",fd);ssize_t n=readlink(l,t,4199);if(n<0)return 0;t[n]=0;return below(t);}
static void say(const char*w){const char*f=getenv("SHIMLOG");if(!f)return;int fd=open(f,O_WRONLY|O_APPEND|O_CREAT,0666);if(fd>=0){(void)!write(fd,w,strlen(w));(void)!write(fd,"\n",1);close(fd);}}
#define REAL(ret,name,args) static ret(*real)args;if(!real)real=dlsym(RTLD_NEXT,#name)
#define NO(w) do{say(w);errno=code();return -1;}while(0)
int flock(int fd,int op){if(on("flock")&&fdbelow(fd)&&op!=LOCK_UN)NO("flock");REAL(int,flock,(int,int));return real(fd,op);}
static int isl(int c){return c==F_SETLK||c==F_SETLKW||c==F_GETLK||c==37||c==38||c==36;}
int fcntl(int fd,int c,...){va_list a;va_start(a,c);void*x=va_arg(a,void*);va_end(a);if(isl(c)&&on("fcntl")&&fdbelow(fd))NO("fcntl");REAL(int,fcntl,(int,int,...));return real(fd,c,x);}
int fcntl64(int fd,int c,...){va_list a;va_start(a,c);void*x=va_arg(a,void*);va_end(a);if(isl(c)&&on("fcntl")&&fdbelow(fd))NO("fcntl");REAL(int,fcntl64,(int,int,...));return real(fd,c,x);}
int lockf(int fd,int c,off_t l){if(on("fcntl")&&fdbelow(fd))NO("lockf");REAL(int,lockf,(int,int,off_t));return real(fd,c,l);}
int fsync(int fd){if(on("fsync")&&fdbelow(fd))NO("fsync");REAL(int,fsync,(int));return real(fd);}
int fdatasync(int fd){if(on("fsync")&&fdbelow(fd))NO("fdatasync");REAL(int,fdatasync,(int));return real(fd);}
int chmod(const char*p,mode_t m){if(on("chmod")&&below(p))NO("chmod");REAL(int,chmod,(const char*,mode_t));return real(p,m);}
int fchmod(int fd,mode_t m){if(on("chmod")&&fdbelow(fd))NO("fchmod");REAL(int,fchmod,(int,mode_t));return real(fd,m);}
int fchmodat(int d,const char*p,mode_t m,int f){if(on("chmod")&&below(p))NO("fchmodat");REAL(int,fchmodat,(int,const char*,mode_t,int));return real(d,p,m,f);}
int fchown(int fd,uid_t u,gid_t g){if(on("chown")&&fdbelow(fd))NO("fchown");REAL(int,fchown,(int,uid_t,gid_t));return real(fd,u,g);}
int link(const char*a,const char*b){if(on("link")&&below(b))NO("link");REAL(int,link,(const char*,const char*));return real(a,b);}
int linkat(int d,const char*a,int e,const char*b,int f){if(on("link")&&below(b))NO("linkat");REAL(int,linkat,(int,const char*,int,const char*,int));return real(d,a,e,b,f);}
int symlink(const char*a,const char*b){if(on("symlink")&&below(b))NO("symlink");REAL(int,symlink,(const char*,const char*));return real(a,b);}
int rename(const char*a,const char*b){if(below(b)){if(on("rename"))NO("rename");struct stat s;if(on("renamedir")&&!stat(a,&s)&&S_ISDIR(s.st_mode))NO("renamedir");if(on("renameover")&&!stat(b,&s)){say("renameover");errno=EEXIST;return -1;}}REAL(int,rename,(const char*,const char*));return real(a,b);}
int utimensat(int d,const char*p,const struct timespec t[2],int f){if(on("utime")&&(p?below(p):fdbelow(d)))NO("utime");REAL(int,utimensat,(int,const char*,const struct timespec*,int));return real(d,p,t,f);}
int futimens(int fd,const struct timespec t[2]){if(on("utime")&&fdbelow(fd))NO("utime");REAL(int,futimens,(int,const struct timespec*));return real(fd,t);}
int posix_fallocate(int fd,off_t o,off_t l){if(on("fallocate")&&fdbelow(fd)){say("fallocate");return code();}REAL(int,posix_fallocate,(int,off_t,off_t));return real(fd,o,l);}
int fallocate(int fd,int m,off_t o,off_t l){if(on("fallocate")&&fdbelow(fd))NO("fallocate");REAL(int,fallocate,(int,int,off_t,off_t));return real(fd,m,o,l);}
ssize_t listxattr(const char*p,char*l,size_t n){if(on("xattr")&&below(p)){say("xattr");errno=code();return -1;}REAL(ssize_t,listxattr,(const char*,char*,size_t));return real(p,l,n);}
#include <sys/mman.h>
void*mmap(void*a,size_t l,int pr,int fl,int fd,off_t o){REAL(void*,mmap,(void*,size_t,int,int,int,off_t));if(fd>=0&&on("mmap")&&(fl&MAP_SHARED)&&(pr&PROT_WRITE)&&fdbelow(fd)){say("mmap");errno=code();return MAP_FAILED;}return real(a,l,pr,fl,fd,o);}
void*mmap64(void*a,size_t l,int pr,int fl,int fd,off_t o){return mmap(a,l,pr,fl,fd,o);}
